"""Looks for credentials in every line that the repository's history ever added, messages included.

``python -m tests.security.secret_scan`` exits 1 if there is one that ``allowed_secrets.txt`` does not name.
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import get_plugins, transient_settings

ROOT: Final = Path(__file__).parents[2]
ALLOWED: Final = Path(__file__).with_name("allowed_secrets.txt")
# Credentials that can be told by their form. What is only named like one, or only looks random, would be
# hundreds of field names and checksums.
_PLUGINS: Final = (
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TwilioKeyDetector",
)


@attrs.frozen
class Finding:
    """What looks like a credential, named by its kind and a hash, so that a report gives nothing away."""

    kind: str
    digest: str
    """The first 16 hexadecimal digits of its SHA-256."""
    where: str
    """The commit and the file."""


def findings(repository: Path = ROOT) -> list[Finding]:
    """All in the history of HEAD, each once."""
    found: dict[str, Finding] = {}
    plugins = [{"name": name} for name in _PLUGINS]
    with transient_settings({"plugins_used": plugins}):
        forms = [form for plugin in get_plugins() for form in plugin.denylist]
        for where, line in _added_lines(repository):
            # The scanner itself takes many times as long to find nothing.
            if not any(form.search(line) for form in forms):
                continue
            for secret in scan_line(line):
                digest = hashlib.sha256(str(secret.secret_value).encode()).hexdigest()[:16]
                found.setdefault(digest, Finding(secret.type, digest, where))
    return list(found.values())


def allowed() -> set[str]:
    """The hashes that :data:`ALLOWED` names."""
    lines = ALLOWED.read_text().splitlines()
    return {line.split()[0] for line in lines if line and not line.startswith("#")}


def _added_lines(repository: Path) -> Iterator[tuple[str, str]]:
    """Where it was added first, and the line; each line once."""
    command = [
        "git",
        "log",
        "--reverse",
        "-p",
        "-U0",
        "--no-color",
        "--no-ext-diff",
        "--format=commit %h%n%B",
    ]
    history = subprocess.run(command, cwd=repository, capture_output=True, check=True).stdout
    commit = file = ""
    seen: set[str] = set()
    for line in history.decode(errors="replace").splitlines():
        if line.startswith("commit "):
            commit, file = line.split()[1], "message"
        elif line.startswith("+++ "):
            file = line[6:]
        elif line.startswith("+") or file == "message":
            text = line.removeprefix("+")
            # The scanner passes over lines that carry its own mark; here nobody may mark anything.
            if text not in seen and not file.endswith("uv.lock"):
                seen.add(text)
                yield f"{commit} {file}", text.replace("pragma: allowlist", "")


def main() -> int:
    """Print what is not allowed."""
    unknown = [each for each in findings() if each.digest not in allowed()]
    for each in unknown:
        sys.stdout.write(f"{each.digest}  {each.kind}, {each.where}\n")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
