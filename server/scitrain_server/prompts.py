"""The skills' workflows as prompts."""

import re
from collections.abc import Mapping
from pathlib import Path

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, GetPromptResult, Prompt, PromptArgument, PromptMessage, TextContent

from scitrain.errors import UnknownNameError, did_you_mean, listed
from scitrain_server.skills import PromptText, load_skills

__all__ = ["fill", "listing", "render"]


def listing(skills: Path | None = None) -> list[Prompt]:
    """Return the prompts of all skills."""
    return [
        Prompt(
            name=prompt.name,
            title=prompt.title or None,
            description=prompt.description or None,
            arguments=[
                PromptArgument(name=a.name, description=a.description or None, required=a.required)
                for a in prompt.arguments
            ],
        )
        for prompt in _texts(skills).values()
    ]


def render(name: str, arguments: Mapping[str, str], skills: Path | None = None) -> GetPromptResult:
    """Fill in a prompt.

    Raises:
        MCPError: No such prompt, an argument it does not have, or a required one left out.
    """
    texts = _texts(skills)
    if name not in texts:
        raise MCPError(code=INVALID_PARAMS, message=str(UnknownNameError("prompt", name, list(texts))))
    prompt = texts[name]
    known = [argument.name for argument in prompt.arguments]
    problems = [
        f"{a}: not an argument; {did_you_mean(a, known) or f'arguments: {listed(known)}'}".strip()
        for a in arguments
        if a not in known
    ]
    problems += [
        f"{a.name}: required; {a.description}" for a in prompt.arguments if a.required and not arguments.get(a.name)
    ]
    if problems:
        raise MCPError(code=INVALID_PARAMS, message="\n".join(problems))
    message = PromptMessage(role="user", content=TextContent(type="text", text=fill(prompt, arguments)))
    return GetPromptResult(description=prompt.description or None, messages=[message])


def fill(prompt: PromptText, arguments: Mapping[str, str]) -> str:
    """Put the arguments in their blanks; a line whose blanks are all empty is left out, other braces stay."""
    names = [argument.name for argument in prompt.arguments]
    if not names:
        return prompt.text.strip()
    blank = re.compile(r"\{(" + "|".join(map(re.escape, names)) + r")\}")
    kept = [
        line
        for line in prompt.text.strip().splitlines()
        if not (found := blank.findall(line)) or any(arguments.get(n) for n in found)
    ]
    return blank.sub(lambda match: arguments.get(match[1], ""), "\n".join(kept))


def _texts(skills: Path | None) -> dict[str, PromptText]:
    return {prompt.name: prompt for skill in load_skills(skills) for prompt in skill.prompts}
