"""A configuration file: what it gives, and everything that is wrong with it at once."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.cluster_document import DDR_PATHS, V1_PATHS
from pullsecret.entrypoints.configuration import Configuration, ConfigurationError, load
from pullsecret.entrypoints.configuration.keys import environment_name, leaves
from pullsecret.entrypoints.configuration.load import MAX_BYTES
from pullsecret.entrypoints.configuration.structure import structure
from pullsecret.entrypoints.configuration.yaml_file import YamlFile, read_yaml
from pullsecret.infrastructure.hyperfleet.settings import Dialect

EXAMPLES = Path(__file__).parents[3] / "examples"


def loaded(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Configuration:
    file = folder / "adapter.yaml"
    file.write_text(text)
    return load(file, environ or {})


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        loaded(folder, text, environ)
    assert raised.value.source == str(folder / "adapter.yaml")
    return [str(problem) for problem in raised.value.problems]


def test_without_a_file_the_defaults_hold() -> None:
    configuration = load(None, {})
    assert configuration.limits.per_project == 10
    assert configuration.document_paths == DDR_PATHS
    assert configuration.reconcile_policy.report_waiting is False
    assert len(configuration.spec.preconditions) == 1


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero on this system")
def test_a_file_without_an_end_is_not_read_for_ever() -> None:
    with pytest.raises(ConfigurationError, match="larger than"):
        load(Path("/dev/zero"), {})


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    for text in ("", "# nothing\n", "---\n", "spec: {}\n"):
        assert loaded(tmp_path, text).limits == load(None, {}).limits


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*/adapter.yaml")), ids=lambda file: file.parent.name)
def test_the_examples_load(file: Path) -> None:
    load(file, {})


def test_the_design_documents_file_loads_and_means_what_it_says() -> None:
    configuration = load(EXAMPLES / "ddr" / "adapter.yaml", {})
    event_filter = configuration.spec.event_filter.expression
    event = {"Type": "cluster.update", "Data": {"provider": "gcp"}}
    assert event_filter.evaluate({"event": event}) is True
    assert event_filter.evaluate({"event": {**event, "Type": "cluster.delete"}}) is False
    assert event_filter.evaluate({"event": {**event, "Data": {"provider": "aws"}}}) is False
    assert configuration.spec.adapter.version == "1.0.0"


def test_every_section_is_read(tmp_path: Path) -> None:
    configuration = loaded(
        tmp_path,
        """
        limits: {perProject: 3, overall: 30}
        rollout: {share: 0.1, clusters: [cls-1]}
        events: {concurrency: 7, redelivery: {initial: 2, maximum: 9}}
        jobs: {budget: 60, keepVersions: null, retry: {factor: 3}}
        drift: null
        deletion: {storedSecret: retain}
        api: {dialect: v1}
        shutdownGrace: 5
        """,
    )
    assert (configuration.limits.per_project, configuration.limits.overall) == (3, 30)
    assert (configuration.rollout.share, configuration.rollout.clusters) == (0.1, ("cls-1",))
    assert configuration.events.concurrency == 7
    assert (configuration.events.redelivery.initial, configuration.events.redelivery.maximum) == (2, 9)
    assert configuration.provision_policy.keep_versions is None
    assert configuration.provision_policy.budget == 60
    assert configuration.provision_policy.backoff.factor == 3
    assert configuration.drift is None
    assert configuration.deletion.stored_secret.value == "retain"
    assert configuration.api.dialect is Dialect.V1
    assert configuration.document_paths == V1_PATHS
    assert configuration.reconcile_policy.report_waiting is True
    assert configuration.shutdown_grace == 5


def test_places_of_values_are_laid_over_those_of_the_dialect(tmp_path: Path) -> None:
    configuration = loaded(
        tmp_path, "clusterDocument: {project: [spec.cloud.project], dependencies: {net: [status.net]}}"
    )
    where = configuration.document_paths
    assert [str(path) for path in where.project] == ["spec.cloud.project"]
    assert list(where.dependencies) == ["net"]
    assert where.namespace == DDR_PATHS.namespace


EVERYTHING_WRONG = """\
spec:
  eventFiltr:
    expression: event.Type
  preconditions:
    - when:
        expression: |
          cloudProvider == "gcp" &&
          gcpProjectId !== nil
limits:
  perProject: 0
  overal: 3
jobs:
  budget: soon
  keepVersions: true
apii: {}
logs: {level: inf}
rollout: {share: 1.5}
events:
"""


def test_everything_wrong_is_told_at_once_with_its_place_and_the_nearest_name(tmp_path: Path) -> None:
    told = problems(tmp_path, EVERYTHING_WRONG)
    assert told == [
        "line 2, column 3: spec.eventFiltr: unknown key. Did you mean eventFilter?",
        "line 6, column 9: spec.preconditions[0].when.expression: unexpected =\n"
        "gcpProjectId !== nil\n"
        "               ^",
        "line 10, column 3: limits.perProject: must be >= 1",
        "line 11, column 3: limits.overal: unknown key. Did you mean overall?",
        "line 13, column 3: jobs.budget: must be a number, not 'soon'",
        "line 14, column 3: jobs.keepVersions: must be a whole number, not True",
        "line 15, column 1: apii: unknown key. Did you mean api?",
        "line 16, column 8: logs.level: must be debug or info or warning or error, not 'inf';"
        " did you mean info?",
        "line 17, column 11: rollout.share: must be <= 1",
        "line 18, column 1: events: must be a mapping of keys, not nothing",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a\n", "line 1, column 1: the file is not a mapping of keys"),
        ("text\n", "line 1, column 1: the file is not a mapping of keys"),
        ("a: [1\n", "not YAML"),
        ("a: *b\n", "line 1, column 4: aliases (*name) are not allowed"),
        ("limits: {overall: 1, overall: 2}\n", "limits.overall: given twice"),
        ("? [a]\n: 1\n", "a key is not text"),
        ("limits: {overall: !!python/none x}\n", "not a value that YAML knows"),
        ("spec: {preconditions: {}}\n", "spec.preconditions: must be a list, not a mapping"),
        ("spec: {preconditions: [{type: api_call}]}\n", "spec.preconditions[0].when: is required"),
        ("spec: {preconditions: [{when: {expression: 7}}]}\n", "expression: must be text, not 7"),
        ("spec: {eventFilter: {expression: 'event.'}}\n", "spec.eventFilter.expression: "),
        ("spec: {resources: [{kind: Job}]}\n", "spec.resources: must name the kinds Secret and Job"),
        ("spec: {post: {conditions: [applied]}}\n", "must name applied, available and health"),
        ("cluster: kubernetes\nsecretStore: gcp\n", "kubernetes: is required where cluster is kubernetes"),
        ("clusterDocument: {project: [a..b]}\n", "is not a path like"),
        ("api: {dialect: v2}\n", "api.dialect: must be ddr or v1, not 'v2'"),
        ("deletion: {storedSecret: keep}\n", "must be delete or retain, not 'keep'"),
        ("jobs: {budget: .nan}\n", "jobs.budget"),
        ("a: " + "[" * 100 + "]" * 100 + "\n", "nested too deeply"),
        ("a: " + "x" * MAX_BYTES + "\n", "larger than"),
        ("limits:\n\tperProject: 3\n", "line 2, column 1: not YAML: found character '\\t'"),
        ("limits:\n\tperProject: 3\n", "Indent with spaces"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, told: str) -> None:
    assert any(told in problem for problem in problems(tmp_path, text)), problems(tmp_path, text)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file or directory"):
        load(tmp_path / "missing.yaml", {})
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load(tmp_path, {})
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        load(tmp_path / "binary.yaml", {})


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    environ = {
        "PULLSECRET__LIMITS__PER_PROJECT": "4",
        "PULLSECRET__API__DIALECT": "v1",
        "PULLSECRET__DRIFT__SETTLE": "1.5",
        "PULLSECRET__ROLLOUT__CLUSTERS": "[cls-1, cls-2]",
        "PULLSECRET__SPEC__EVENT_FILTER__EXPRESSION": "false",
        "HOME": "/root",
    }
    configuration = loaded(tmp_path, "limits: {perProject: 3, overall: 30}", environ)
    assert (configuration.limits.per_project, configuration.limits.overall) == (4, 30)
    assert configuration.api.dialect is Dialect.V1
    assert configuration.drift is not None
    assert configuration.drift.settle == 1.5
    assert configuration.rollout.clusters == ("cls-1", "cls-2")
    assert load(None, environ).limits.per_project == 4


def test_a_wrong_variable_is_told_by_its_name(tmp_path: Path) -> None:
    environ = {
        "PULLSECRET__LIMITS__PERPROJECT": "3",
        "PULLSECRET__LIMITS__OVERALL": "many",
        "PULLSECRET__NO_SUCH_THING_AT_ALL": "1",
    }
    told = problems(tmp_path, "limits: {perProject: 3}", environ)
    assert "PULLSECRET__LIMITS__OVERALL: must be a whole number, not 'many'" in told
    assert (
        "PULLSECRET__LIMITS__PERPROJECT: unknown environment variable. "
        "Did you mean PULLSECRET__LIMITS__PER_PROJECT?" in told
    )
    assert any(problem.startswith("PULLSECRET__NO_SUCH_THING_AT_ALL: unknown") for problem in told)


@pytest.mark.parametrize("value", ["2026-13-45", "9" * 5_000, "[" * 3_000])
def test_a_variable_whose_text_means_nothing_is_told(tmp_path: Path, value: str) -> None:
    (told,) = problems(tmp_path, "", {"PULLSECRET__LIMITS__OVERALL": value})
    assert told.startswith("PULLSECRET__LIMITS__OVERALL: must be a whole number, not ")
    assert len(told) < 200


def test_a_variable_inside_of_a_wrong_section_leaves_the_sections_own_problem(tmp_path: Path) -> None:
    told = problems(tmp_path, "limits: 3\n", {"PULLSECRET__LIMITS__OVERALL": "4"})
    assert told == ["line 1, column 1: limits: must be a mapping of keys, not 3"]


def test_every_key_has_a_variable_of_its_own() -> None:
    names = [environment_name(path) for path, _ in leaves(Configuration)]
    assert len(names) == len(set(names)) > 50
    assert "PULLSECRET__EVENTS__REDELIVERY__MAXIMUM" in names


@given(st.text(max_size=300))
def test_any_text_gives_a_configuration_or_problems(text: str) -> None:
    file = read_yaml(text)
    configuration, told = structure(file)
    assert (configuration is None) == bool(told)


_keys = st.sampled_from(
    ["spec", "limits", "jobs", "api", "events", "logs", "gcp", "kubernetes", "overall", "retry", "when", "x"]
)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_keys, _values, max_size=5))
def test_any_values_give_a_configuration_or_problems(values: dict[str, object]) -> None:
    configuration, told = structure(YamlFile(values))
    assert (configuration is None) == bool(told)
    for problem in told:
        assert not problem.path or problem.path.split(".")[0].split("[")[0] in values
