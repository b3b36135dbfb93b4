"""What the security model says about the repository is so."""

import re

import yaml
from tests.security.secret_scan import ROOT

_PAGE = ROOT / "docs" / "security-model.md"


def test_the_audit_policy_keeps_secrets_out() -> None:
    (block,) = re.findall(r"```yaml\n(apiVersion: audit.*?)```", _PAGE.read_text(), re.DOTALL)
    first, *_ = yaml.safe_load(block)["rules"]
    # The first rule that matches decides.
    assert first["level"] == "Metadata"
    assert {"group": "", "resources": ["secrets", "serviceaccounts/token"]} in first["resources"]
    assert not {"users", "userGroups", "verbs", "namespaces", "nonResourceURLs"} & set(first)


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", _PAGE.read_text())
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_link_of_the_policy_leads_somewhere() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    for target, anchor in re.findall(r"\]\(([\w/.-]+)(?:#([\w-]+))?\)", text):
        page = (ROOT / target).read_text()
        headings = {
            re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-")
            for line in re.findall(r"^#+ (.*)$", page, re.M)
        }
        assert not anchor or anchor in headings
