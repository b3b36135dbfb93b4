"""What a customer grants: by Terraform and by script it is the same, and it is the program's own table."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import hcl2
import pytest
from deploy.generate import identity
from tests.integration.deploy.conftest import DEPLOY, tool

from pullsecret.infrastructure.gcp.permissions import DELETION, DESTRUCTION, PROVISIONING, RETENTION
from pullsecret.infrastructure.gcp.settings import DEFAULT_SERVICE_ACCOUNT

SCRIPTS = DEPLOY / "gcloud"
TERRAFORM = DEPLOY / "terraform"
PROJECT = "customer-prod-12345"
IDENTITY = "serviceAccount:hyperfleet-prod.svc.id.goog[hyperfleet-system/pullsecret-adapter-job]"
KEY = f"projects/{PROJECT}/locations/europe-west3/keyRings/r/cryptoKeys/k"
NUMBER = "123456789"


@attrs.frozen
class Choice:
    """What a customer chooses."""

    retention: bool = True
    destruction: bool = False
    deletion: bool = True
    keys: tuple[str, ...] = ()

    @property
    def flags(self) -> list[str]:
        flags = [] if self.retention else ["--no-retention"]
        flags += ["--destruction"] if self.destruction else []
        flags += [] if self.deletion else ["--no-deletion"]
        return flags + [part for key in self.keys for part in ("--encryption-key", key)]

    @property
    def permissions(self) -> set[str]:
        return {
            *PROVISIONING,
            *(RETENTION if self.retention else ()),
            *(DESTRUCTION if self.destruction else ()),
            *(DELETION if self.deletion else ()),
        }


@attrs.frozen
class Granted:
    """What is there afterwards, however it came."""

    services: frozenset[str]
    role: str
    permissions: frozenset[str]
    bindings: frozenset[tuple[str, str, str]]
    """On what, which role, for whom."""


class Gcloud:
    """The stub on a PATH of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "bin" / "gcloud"
        program.parent.mkdir()
        stub = Path(__file__).with_name("gcloud_stub.py")
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{stub}" "$@"\n')
        program.chmod(0o755)
        self.is_there({"projects": NUMBER})

    def is_there(self, there: Mapping[str, str]) -> None:
        (self.folder / "there.json").write_text(json.dumps({"projects": NUMBER, **there}))

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "calls.jsonl").write_text("")
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {"PATH": path, "GCLOUD_STUB": str(self.folder)}
        command = [str(SCRIPTS / script), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]

    @property
    def changes(self) -> list[list[str]]:
        return [call for call in self.calls if "describe" not in call]


@pytest.fixture
def gcloud(tmp_path: Path) -> Gcloud:
    return Gcloud(tmp_path)


def customer_setup(gcloud: Gcloud, choice: Choice, *further: str) -> subprocess.CompletedProcess[str]:
    arguments = ["--project", PROJECT, "--job-identity", IDENTITY, *choice.flags, *further]
    done = gcloud.run("customer-setup.sh", *arguments)
    assert done.returncode == 0, done.stderr
    return done


def option(call: Sequence[str], name: str) -> str:
    (value,) = [part.partition("=")[2] for part in call if part.startswith(f"--{name}=")]
    return value


def granted_by_script(gcloud: Gcloud) -> Granted:
    services: set[str] = set()
    role, permissions = "", ""
    bindings = set()
    for call in gcloud.changes:
        if call[:2] == ["services", "enable"]:
            services |= {part for part in call[2:] if not part.startswith("--")}
        elif call[:2] == ["iam", "roles"] and call[2] in ("create", "update"):
            role, permissions = call[3], option(call, "permissions")
        elif "add-iam-policy-binding" in call:
            on = call[call.index("add-iam-policy-binding") + 1]
            bindings.add((on, option(call, "role"), option(call, "member")))
    return Granted(frozenset(services), role, frozenset(permissions.split(",")), frozenset(bindings))


def terraform_program() -> str:
    found = shutil.which("terraform") or shutil.which("tofu")
    if found is None:
        pytest.skip("neither terraform nor tofu is installed, and neither can be built from here")
    return found


@pytest.fixture(scope="module")
def grants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module of values, initialised; it needs no provider."""
    folder = tmp_path_factory.mktemp("terraform") / "customer"
    shutil.copytree(TERRAFORM / "customer", folder)
    run_terraform(folder / "grants", "init", "-input=false", "-backend=false")
    return folder / "grants"


def run_terraform(folder: Path, *arguments: str) -> str:
    command = [terraform_program(), f"-chdir={folder}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def granted_by_terraform(grants: Path, choice: Choice) -> Granted:
    variables = {
        "project": PROJECT,
        "project_number": NUMBER,
        "service_account_name": "pullsecret-manager",
        "job_identity": IDENTITY,
        "retention": choice.retention,
        "destruction": choice.destruction,
        "deletion": choice.deletion,
        "encryption_keys": list(choice.keys),
    }
    (grants / "terraform.tfvars.json").write_text(json.dumps(variables))
    run_terraform(grants, "apply", "-auto-approve", "-input=false", "-no-color")
    outputs = json.loads(run_terraform(grants, "output", "-json"))
    values = {name: output["value"] for name, output in outputs.items()}
    on_project, on_account = values["project_binding"], values["identity_binding"]
    bindings = {
        (PROJECT, on_project["role"], on_project["member"]),
        (values["service_account"], on_account["role"], on_account["member"]),
        *((binding["key"], binding["role"], binding["member"]) for binding in values["key_bindings"]),
    }
    role = values["role"]
    return Granted(
        frozenset(values["services"]), role["name"], frozenset(role["permissions"]), frozenset(bindings)
    )


CHOICES = [
    Choice(),
    Choice(retention=False, deletion=False),
    Choice(destruction=True, keys=(KEY, f"{KEY}2")),
]


@pytest.mark.parametrize("choice", CHOICES)
def test_both_grant_the_same_and_exactly_what_is_needed(gcloud: Gcloud, grants: Path, choice: Choice) -> None:
    customer_setup(gcloud, choice)
    by_script = granted_by_script(gcloud)
    assert by_script == granted_by_terraform(grants, choice)
    assert by_script.permissions == choice.permissions
    account = DEFAULT_SERVICE_ACCOUNT.format(project=PROJECT)
    assert (account, "roles/iam.workloadIdentityUser", IDENTITY) in by_script.bindings
    assert len(by_script.bindings) == 2 + len(choice.keys)


def test_the_committed_tables_are_the_programs() -> None:
    for name, text in identity.rendered().items():
        assert (DEPLOY / name).read_text() == text, "run 'make deploy-generate'"


def test_the_first_time_everything_is_made(gcloud: Gcloud) -> None:
    customer_setup(gcloud, Choice())
    made = [" ".join(call[:3]) for call in gcloud.changes if "create" in call]
    assert made == ["iam service-accounts create", "iam roles create"]


def test_the_second_time_nothing_is_made_anew(gcloud: Gcloud) -> None:
    customer_setup(gcloud, Choice())
    first = granted_by_script(gcloud)
    gcloud.is_there({"iam service-accounts": "there", "iam roles": "False"})
    customer_setup(gcloud, Choice())
    assert [call for call in gcloud.changes if "create" in call] == []
    assert granted_by_script(gcloud) == first


def test_a_role_that_was_deleted_lately_is_brought_back(gcloud: Gcloud) -> None:
    gcloud.is_there({"iam roles": "True"})
    customer_setup(gcloud, Choice())
    verbs = [call[2] for call in gcloud.changes if call[:2] == ["iam", "roles"]]
    assert verbs == ["undelete", "update"]


def test_a_dry_run_shows_every_change_and_makes_none(gcloud: Gcloud) -> None:
    customer_setup(gcloud, Choice(keys=(KEY,)))
    wanted = gcloud.changes
    done = customer_setup(gcloud, Choice(keys=(KEY,)), "--dry-run")
    assert gcloud.changes == []
    shown = [line for line in done.stdout.splitlines() if line.startswith("would run: gcloud ")]
    assert len(shown) == len(wanted)
    assert done.stdout.splitlines()[-1] == "Nothing was changed."


def test_a_failing_command_stops_the_script(gcloud: Gcloud) -> None:
    (gcloud.folder / "bin" / "gcloud").write_text("#!/bin/sh\nexit 1\n")
    done = gcloud.run("customer-setup.sh", "--project", PROJECT, "--job-identity", IDENTITY)
    assert done.returncode == 1
    assert "Done" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--project is missing"),
        (["--project", "No_Project", "--job-identity", IDENTITY], "no project id"),
        (["--project", PROJECT], "--job-identity is missing"),
        (["--project", PROJECT, "--job-identity", "somebody"], "--job-identity"),
        (["--project"], "--project needs a value"),
        (["--projekt", PROJECT], "unknown argument --projekt"),
    ],
)
def test_wrong_arguments_change_nothing(gcloud: Gcloud, arguments: list[str], complaint: str) -> None:
    done = gcloud.run("customer-setup.sh", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert gcloud.calls == []


def test_the_management_side_tells_who_the_jobs_are(gcloud: Gcloud) -> None:
    pools = f"principal://iam.googleapis.com/projects/{NUMBER}/locations/global/workloadIdentityPools"
    on_gke = gcloud.run("management-setup.sh", "--project", "hyperfleet-prod")
    workload = "subject/ns/hyperfleet-system/sa/pullsecret-adapter-job"
    assert on_gke.stdout == f"{pools}/hyperfleet-prod.svc.id.goog/{workload}\n"
    assert gcloud.changes == []
    elsewhere = gcloud.run(
        "management-setup.sh", "--project", "hyperfleet-prod", "--issuer", "https://oidc.example"
    )
    subject = "system:serviceaccount:hyperfleet-system:pullsecret-adapter-job"
    assert elsewhere.stdout.splitlines()[-1] == f"{pools}/hyperfleet/subject/{subject}"
    assert [call[2] for call in gcloud.changes] == ["create", "providers"]
    gcloud.is_there({"iam workload-identity-pools": "x", "iam workload-identity-pools providers": "x"})
    gcloud.run("management-setup.sh", "--project", "hyperfleet-prod", "--issuer", "https://oidc.example")
    assert [call[3] for call in gcloud.changes] == ["update-oidc"]


@pytest.mark.parametrize("side", ["customer", "management"])
def test_help_has_an_example_and_every_option(gcloud: Gcloud, side: str) -> None:
    script = f"{side}-setup.sh"
    done = gcloud.run(script, "--help")
    assert done.returncode == 0
    assert "Example: " in done.stdout
    known = set(re.findall(r"^ +(--[a-z-]+)(?: [|]|[)])", (SCRIPTS / script).read_text(), re.MULTILINE))
    assert known <= set(re.findall(r"--[a-z-]+", done.stdout))


def test_scripts_are_clean_for_shellcheck() -> None:
    scripts = [str(path) for path in sorted(SCRIPTS.glob("*.sh"))]
    command = [tool("shellcheck"), "--external-sources", *scripts]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def blocks(folder: Path) -> dict[str, Any]:
    """Terraform's resources by type and name."""
    found: dict[str, Any] = {}
    for file in folder.glob("*.tf"):
        for block in hcl2.loads(file.read_text()).get("resource", []):
            for kind, named in block.items():
                found |= {f"{kind}.{name}".replace('"', ""): body for name, body in named.items()}
    return found


def test_the_resources_take_their_values_from_what_is_compared() -> None:
    resources = blocks(TERRAFORM / "customer")
    assert set(resources) == {
        "google_project_service.needed",
        "google_service_account.pullsecret",
        "google_project_iam_custom_role.pullsecret",
        "google_project_iam_member.pullsecret",
        "google_service_account_iam_member.jobs",
        "google_project_service_identity.secret_manager",
        "google_kms_crypto_key_iam_member.secret_manager",
    }
    role = resources["google_project_iam_custom_role.pullsecret"]
    assert "module.grants.role.permissions" in role["permissions"]
    for name, source in {
        "google_project_iam_member.pullsecret": "module.grants.project_binding",
        "google_service_account_iam_member.jobs": "module.grants.identity_binding",
        "google_kms_crypto_key_iam_member.secret_manager": "each.value",
    }.items():
        assert f"{source}.role" in resources[name]["role"]
        assert f"{source}.member" in resources[name]["member"]


def test_terraform_is_formatted_and_its_values_valid(grants: Path) -> None:
    run_terraform(TERRAFORM, "fmt", "-check", "-recursive")
    run_terraform(grants, "validate")
