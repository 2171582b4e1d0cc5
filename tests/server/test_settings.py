import pytest

from scitrain.errors import ScitrainError
from scitrain_server import main
from scitrain_server.auth import StaticToken, transport_security
from scitrain_server.settings import Settings, settings_from

TOKEN = "a" * 32


@pytest.fixture(autouse=True)
def _plain(monkeypatch, workspace):
    monkeypatch.delenv("SCITRAIN_TOKEN", raising=False)


def test_reading_is_confined_to_the_workspace_and_the_data_roots(tmp_path):
    (tmp_path / "data").mkdir()
    assert settings_from([]).workspace.data_roots == ()
    assert settings_from(["--data-root", str(tmp_path / "data")]).workspace.data_roots == (tmp_path / "data",)


def test_the_workspace_of_a_server_is_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("SCITRAIN_WORKSPACE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings_from([]).workspace.root == tmp_path / "scitrain-workspace"
    assert settings_from(["--workspace", str(tmp_path / "w")]).workspace.root == tmp_path / "w"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_token(host):
    assert settings_from(["--http", "--host", host]).loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", ""])
def test_other_machines_need_a_token_and_host_names(host, monkeypatch):
    with pytest.raises(ScitrainError, match=r"bearer token.*host names"):
        settings_from(["--http", "--host", host])
    monkeypatch.setenv("SCITRAIN_TOKEN", TOKEN)
    with pytest.raises(ScitrainError, match="host names"):
        settings_from(["--http", "--host", host])
    assert settings_from(["--http", "--host", host, "--allowed-host", "lab.example"]).token == TOKEN


def test_a_token_is_read_from_its_file(tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert settings_from(["--http", "--token-file", str(tmp_path / "token")]).token == TOKEN


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data-root", "nowhere"], "no folder"),
        (["--skills", "deep-lerning"], "did you mean 'deep-learning'"),
        (["--token-file", "nowhere"], "cannot be read"),
    ],
)
def test_a_wrong_word_says_what_to_change(words, said):
    with pytest.raises(ScitrainError, match=said):
        settings_from(words)


def test_a_token_that_can_be_guessed_is_refused(monkeypatch):
    monkeypatch.setenv("SCITRAIN_TOKEN", "hunter2")
    with pytest.raises(ScitrainError, match="7 characters"):
        settings_from(["--http"])


def test_an_unsafe_request_ends_with_status_2(capsys):
    assert main(["--http", "--host", "0.0.0.0"]) == 2
    assert "bearer token" in capsys.readouterr().err
    assert main(["--prot", "3"]) == 2


@pytest.mark.anyio
async def test_only_the_token_is_accepted():
    verifier = StaticToken(TOKEN)
    assert (await verifier.verify_token(TOKEN)).client_id == "scitrain"
    assert await verifier.verify_token(TOKEN[:-1]) is None
    assert await verifier.verify_token("ü") is None


def test_only_the_named_hosts_are_answered(workspace):
    local = transport_security(Settings(workspace))
    assert "127.0.0.1:*" in local.allowed_hosts
    far = transport_security(
        Settings(workspace, http=True, host="0.0.0.0", allowed_hosts=("lab.example", "lab.example:8443"))
    )
    assert far.allowed_hosts == ["lab.example", "lab.example:*", "lab.example:8443"]
    assert "https://lab.example:8443" in far.allowed_origins


def test_a_workspace_that_is_a_file_is_refused_at_the_start(tmp_path, capsys):
    (tmp_path / "w").write_text("")
    assert main(["--workspace", str(tmp_path / "w")]) == 2
    assert "is a file; give a folder" in capsys.readouterr().err
