"""The command line itself: help, version, exit codes."""
import pytest

COMMANDS = [
    ["train"], ["train", "svd"], ["train", "nmf"], ["split"], ["evaluate"], ["pack"], ["compress"], ["unpack"], ["inspect"],
    ["verify"], ["publish"], ["query"], ["query", "recommend"],
    ["query", "batch"], ["query", "similar"], ["query", "score"], ["query", "vectors"], ["query", "update"],
    ["query", "profile"], ["query", "profiles"], ["query", "delete"], ["query", "availability"],
    ["query", "availability", "set"], ["query", "availability", "list"],
    ["models"], ["models", "list"], ["models", "show"], ["models", "load"], ["models", "validate"], ["models", "activate"],
    ["models", "rollback"], ["models", "unload"], ["models", "follow"], ["models", "label"], ["models", "watch"], ["replay"],
]


def test_help_lists_every_command(kindred):
    result = kindred("--help")
    assert result.returncode == 0
    for command in COMMANDS:
        if len(command) == 1:
            assert f"  {command[0]} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(kindred, command):
    result = kindred(*command, "--help")
    assert result.returncode == 0
    assert "Usage:" in result.stdout
    if command not in (["train"], ["query"], ["query", "availability"], ["models"]):  # these only lead to others
        assert "Example" in result.stdout and f"kindred {' '.join(command)} " in result.stdout


def test_version(kindred):
    result = kindred("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("kindred ") and result.stdout.count(".") == 2


@pytest.mark.parametrize("args", [
    [], ["nonsense"], ["--nonsense"], ["query"], ["query", "recommend", "--nonsense"],
    ["query", "recommend", "-k", "many"], ["query", "recommend", "-k", "99999999999"], ["query", "recommend", "--timeout", "0"],
    ["query", "recommend", "--user", "u", "--event", "i"], ["query", "recommend", "--event", "i:view"],
    ["query", "recommend", "--filter", "category:"], ["query", "recommend", "--filter-json", "{"],
    ["query", "recommend", "--filter", "flag:a", "--filter-json", "{}"], ["query", "recommend", "--boost", "x"],
    ["query", "recommend", "--blend", "als"], ["query", "recommend", "--blend", "als=1", "--space", "als"],
    ["query", "recommend", "--category-prefix", "x"], ["query", "recommend", "--pages", "2", "--all"],
    ["query", "recommend", "--profile-token", "?"], ["query", "recommend", "--exclude-file", "/no/such/file"],
    ["query", "batch"], ["query", "score", "--user", "u"], ["query", "vectors"], ["query", "profiles"], ["query", "delete"],
    ["query", "update", "--user", "u", "--event", "i", "--mode", "replace"], ["query", "availability"],
    ["query", "availability", "set"],
    ["query", "similar"], ["query", "update", "--user", "u"], ["query", "update", "--event", "i"], ["query", "profile"],
    ["models"], ["models", "load", "groceries"], ["models", "load", "groceries", "0"], ["models", "activate", "groceries", "x"],
    ["models", "rollback"], ["models", "label", "groceries", "canary"], ["models", "label", "groceries", "canary", "1", "--remove"],
    ["models", "label", "groceries", "canary", "1", "--percent", "101"], ["models", "watch", "--timeout", "3"],
    ["replay"], ["replay", "/no/such/file"], ["replay", "-", "--digest", "short"],
    ["query", "recommend", "--log", "x", "--pages", "2"], ["query", "score", "--user", "u", "v", "--item", "i", "--log", "x"],
    ["verify"], ["inspect"], ["train"], ["train", "nmf"], ["pack"], ["publish"], ["publish", "a.safetensors"],
    ["publish", "a.safetensors", "models/a", "--version", "0"],
], ids=lambda args: " ".join(args) or "nothing")
def test_wrong_usage_exits_2_and_says_so(kindred, args):
    result = kindred(*args)
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stderr.strip(), "nothing said on stderr"
    assert result.stdout == ""


def test_a_filter_that_cannot_be_read_shows_the_place(kindred):
    result = kindred("query", "recommend", "--filter", "price 1..5 and flag:a or")
    assert result.returncode == 2
    assert "--filter: expected a condition here" in result.stderr
    assert f"\n  price 1..5 and flag:a or\n  {' ' * 24}^" in result.stderr


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_no_such_file_exits_2(kindred, command, tmp_path):
    result = kindred(command, tmp_path / "gone.safetensors")
    assert result.returncode == 2
    assert "gone.safetensors" in result.stdout + result.stderr


def test_nobody_listens_exits_1_and_says_what_to_do(kindred):
    result = kindred("query", "recommend", "--server", "127.0.0.1:1", "--timeout", "2")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "127.0.0.1:1: UNAVAILABLE" in result.stderr
    assert "is kindred-server running there?" in result.stderr
