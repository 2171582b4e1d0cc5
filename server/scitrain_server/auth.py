"""Who may connect over HTTP: one bearer token, and the host names a request may carry."""

from hmac import compare_digest
from typing import TypedDict

from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

from scitrain_server.settings import Settings

__all__ = ["Guard", "StaticToken", "guard", "transport_security"]

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class StaticToken(TokenVerifier):
    """Accepts the one token the server was started with."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Compare in constant time, so that the answer's delay tells nothing of the token."""
        return (
            AccessToken(token=token, client_id="scitrain", scopes=[])
            if compare_digest(token.encode(), self._token)
            else None
        )


class Guard(TypedDict, total=False):
    """Arguments of ``MCPServer`` that make it ask for a token."""

    token_verifier: TokenVerifier
    auth: AuthSettings


def guard(settings: Settings) -> Guard:
    """Return what makes the server ask for the token, nothing where none is set."""
    if settings.token is None or not settings.http:
        return {}
    # No authorisation server issues this token: the URL names the server itself, and no metadata is published.
    here = AnyHttpUrl(f"http://{settings.host}:{settings.port}")
    auth = AuthSettings(issuer_url=here, resource_server_url=None)
    return {"token_verifier": StaticToken(settings.token), "auth": auth}


def transport_security(settings: Settings) -> TransportSecuritySettings:
    """Return the host and origin names that are answered; anything else may be a page that rebinds DNS."""
    names = (*settings.allowed_hosts, *(LOOPBACK_NAMES if settings.loopback else ()))
    hosts = [
        entry for name in names for entry in ((name,) if name.rpartition(":")[2].isdigit() else (name, f"{name}:*"))
    ]
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)
