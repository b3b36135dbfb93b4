"""Random expressions over the whole grammar: the random part of the shared cases, and deeper."""

import random

from tests.integration.expressions.cases import Case, words

ATOMS = {
    "ready": words(
        """
    event.Type event.Data.provider event.Data?.provider event.Data.generation clusterId generation
    cloudProvider gcpProjectId validationStatus placementStatus pullSecretData region spec.nodes
    spec.ratio spec.provider spec.gcp.projectId spec.gcp?.labels?.team spec?.gcp?.projectId
    spec.pullSecret?.data spec.pullSecret.secretName status.adapters["dns"]?.available status.phase
    status.adapters.dns?.available adapters adapters[0].name last(adapters)?.gen tags empty nothing
    zero yes no text blank missing missing?.x len(tags) first(tags) tags[-1] $env["region"]
    $env?.zero
    """
    ),
    "wide": words(
        """
    i f neg huge tiny max53 yes no nothing text blank spaces digits json when day tags numbers
    words flags mixed nested empty nils users users[0] users[1].name users[-1]?.address?.city map
    map.b.c[1] map["1"] one none missing $env["with space"] $env["a-b"] users[0].tags nested[1][1]
    mixed[6]?.k len(users) text[7:12]
    """
    ),
}
LITERALS = [
    *words('0 1 2 3 5 -1 0.25 1.5 .5 1e3 0x1F 0b101 0o17 1_000 true false nil "" "a" "gcp" "e" \'x\' `raw`'),
    *words('[] [1,2,3] ["gcp","aws"] [1.5,2] [true,nil] {} {"a":1} {a:1,b:"x"} 1..3 3..1 b"ab"'),
]
BINARY = words(
    """
    + - * / % ** ^ == != < > <= >= && || and or in contains startsWith endsWith matches ?? ..
    not+in not+contains not+startsWith not+matches
    """
)
PREDICATE_BUILTINS = words(
    """
    all any none one filter map find findIndex findLast findLastIndex count sum groupBy sortBy
    """
)
UNARY_BUILTINS = words(
    """
    len type abs ceil floor round int float string trim upper lower max min mean median toJSON
    fromJSON toBase64 fromBase64 duration date timezone first last keys values toPairs fromPairs
    reverse uniq concat flatten sort join sum count bitnot trimPrefix trimSuffix
    """
)
BINARY_BUILTINS = words(
    """
    trim trimPrefix trimSuffix split splitAfter repeat join indexOf lastIndexOf hasPrefix hasSuffix
    max min mean median get take concat sort bitand bitor bitxor bitnand bitshl bitshr bitushr
    """
)
ELEMENTS = words(
    """
    # #.age #.name #?.address?.city .age .name .gen .available #index #[0] len(#) string(#) type(#)
    .tags
    """
)
INDICES = ["0", "1", "-1", "1.0", "99", "nil", "'name'"]
METHODS = ["Year()", "Month()", "Hours()", "String()", "Unix()", "Seconds()", "name", "age", "x", "k"]


class Grammar:
    """Draws expressions whose size falls with depth, so every one is finite."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._atoms = ATOMS["ready"]
        self._locals: list[str] = []
        self._in_predicate = 0

    def case(self) -> Case:
        env = self._random.choice(["ready", "ready", "waiting", "bare", "wide", "wide", "wide"])
        self._atoms = ATOMS["wide" if env == "wide" else "ready"]
        self._locals: list[str] = []
        self._in_predicate = 0
        return Case(env, self._expression(self._random.choice([1, 2, 2, 3, 3, 4])))

    def _expression(self, depth: int) -> str:
        if depth <= 0:
            return self._atom()
        shapes = {
            self._binary: 30,
            self._call: 18,
            self._predicate: 12,
            self._access: 12,
            self._choice: 7,
            self._unary: 6,
            self._container: 5,
            self._pipe: 5,
            self._let: 3,
            self._parenthesised: 4,
        }
        kind = self._random.choices(list(shapes), list(shapes.values()))[0]
        return kind(depth - 1)

    def _atom(self) -> str:
        choice = self._random.random()
        if self._in_predicate and choice < 0.5:
            return self._random.choice(ELEMENTS)
        if self._locals and choice < 0.6:
            return self._random.choice(self._locals)
        return self._random.choice(self._atoms if choice < 0.75 else LITERALS)

    def _binary(self, depth: int) -> str:
        operator = self._random.choice(BINARY).replace("+", " ") if self._random.random() < 0.97 else "+"
        return f"{self._expression(depth)} {operator} {self._expression(depth)}"

    def _call(self, depth: int) -> str:
        if self._random.random() < 0.6:
            return f"{self._random.choice(UNARY_BUILTINS)}({self._expression(depth)})"
        name = self._random.choice(BINARY_BUILTINS)
        return f"{name}({self._expression(depth)}, {self._expression(depth)})"

    def _predicate(self, depth: int) -> str:
        array = self._expression(depth)
        if self._random.random() < 0.1:
            self._in_predicate += 1
            body = self._random.choice(["#acc + #", self._expression(depth)])
            self._in_predicate -= 1
            return f"reduce({array}, {body}{self._random.choice(['', ', 0', ', ' + self._atom()])})"
        name = self._random.choice(PREDICATE_BUILTINS)
        self._in_predicate += 1
        body = self._expression(depth)
        self._in_predicate -= 1
        return f"{name}({array}, {self._random.choice(['{%s}', '%s']) % body})"

    def _access(self, depth: int) -> str:
        inner = self._expression(depth)
        target = inner if inner.isidentifier() else f"({inner})"
        shape = self._random.randrange(6)
        if shape == 0:
            return f"{target}[{self._expression(depth)}]"
        if shape == 1:
            return f"{target}?.[{self._random.choice(['0', '-1', '5', chr(34) + 'a' + chr(34)])}]"
        if shape == 2:
            bounds = ["", "0", "1", "-1", "2", "-9", "9", self._atom()]
            return f"{target}[{self._random.choice(bounds)}:{self._random.choice(bounds)}]"
        if shape == 3:
            return f"{target}{self._random.choice(['.', '?.'])}{self._random.choice(METHODS)}"
        return f"{target}[{self._random.choice(INDICES)}]"

    def _choice(self, depth: int) -> str:
        condition, first, second = (self._expression(depth) for _ in range(3))
        if self._random.random() < 0.2:
            return f"if {condition} {{ {first} }} else {{ {second} }}"
        return f"({condition} ? {first} : {second})"

    def _unary(self, depth: int) -> str:
        return self._random.choice(["!", "not ", "-", "+", "!", "-"]) + self._parenthesised(depth)

    def _container(self, depth: int) -> str:
        items = [self._expression(depth) for _ in range(self._random.randrange(4))]
        if self._random.random() < 0.7:
            return f"[{', '.join(items)}]"
        return "{" + ", ".join(f"{key}: {item}" for key, item in zip("ab", items, strict=False)) + "}"

    def _pipe(self, depth: int) -> str:
        left = self._expression(depth)
        if self._random.random() < 0.6:
            return f"{left} | {self._random.choice(UNARY_BUILTINS)}()"
        if self._random.random() < 0.5:
            return f"{left} | {self._random.choice(BINARY_BUILTINS)}({self._expression(depth)})"
        self._in_predicate += 1
        body = self._expression(depth)
        self._in_predicate -= 1
        return f"{left} | {self._random.choice(PREDICATE_BUILTINS)}({body})"

    def _let(self, depth: int) -> str:
        name = self._random.choice(["x", "y", "v1"])
        value = self._expression(depth)
        self._locals.append(name)
        body = self._expression(depth)
        self._locals.remove(name)
        if self._random.random() < 0.2:
            return f"({value}; {body})"
        return f"(let {name} = {value}; {body})"

    def _parenthesised(self, depth: int) -> str:
        return f"({self._expression(depth)})"


def random_cases(seed: int, count: int) -> list[Case]:
    grammar = Grammar(seed)
    return [grammar.case() for _ in range(count)]
