"""Which statements of a chapter an exercise stands on, read from their code.

An exercise uses names (`net`, `theta_digits`) that the chapter has defined on the way.
`needed` finds the statements that define them, what *those* stand on, and so on back
to the imports. What only draws, claims or prints falls out. It reads Python's syntax
tree and runs nothing, and where it cannot know it keeps something too much: what a
function reads when it is called counts wherever it is bound, a method called for its
effect counts as a change of its object, and so does every use of a random generator.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# What makes an object that changes each time it is used.
STATEFUL = {"default_rng", "RandomState", "iter", "count", "cycle"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass
class Names:
    """What a piece of code does with the names of the notebook.

    Attributes:
        loads: read when it runs, and not bound by itself before.
        late: read when a function that it defines is called.
        binds: given a value, whatever happens.
        maybe: given a value, or changed, in some cases or in part.
        imports: those of `binds` that are modules and what comes out of them.
        stateful: those of `binds` that hold a random generator or an iterator.
    """

    loads: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    stateful: set[str] = field(default_factory=set)

    def load(self, names: Iterable[str]) -> None:
        self.loads |= set(names) - self.binds


def names_of(source: str) -> Names:
    """What the code of a cell does with names."""
    found = Names()
    _run(ast.parse(source).body, found)
    return found


def loaded(source: str) -> set[str]:
    """The names that a snippet reads or calls; none where it is no Python."""
    try:
        found = names_of(source)
    except SyntaxError:
        return set()
    return found.loads | found.late


def needed(cells: list[str], wanted: set[str]) -> list[tuple[int, str]]:
    """The statements that must run, in order, for the wanted names to be what they are
    at the end of all the cells. The first cell, which sets up the chapter, is whole.

    Returns:
        the number and the remaining code of each cell of which something remains.
    """
    parts = [(i, text) for i, cell in enumerate(cells) for text in _statements(cell)]
    names = [names_of(text) for _, text in parts]
    imports = set().union(*(n.imports for n in names))
    stateful = set().union(*(n.stateful for n in names))
    chosen, late = {k for k, (i, _) in enumerate(parts) if i == 0}, set()
    while True:
        before = len(chosen), len(late)
        alive = set(wanted)
        for k in reversed(range(len(parts))):
            changes = (names[k].maybe | (names[k].loads & stateful)) - imports
            if k in chosen or (names[k].binds | changes) & (alive | late):
                chosen.add(k)
                alive = (alive - names[k].binds) | names[k].loads | names[k].late
                late |= names[k].late
        if (len(chosen), len(late)) == before:
            break
    kept: dict[int, str] = {0: cells[0]} if cells else {}
    for k in sorted(chosen):
        i, text = parts[k]
        if i:
            kept[i] = kept.get(i, "") + text
    return [(i, _tidy(text)) for i, text in kept.items()]


def _statements(cell: str) -> Iterator[str]:
    """A cell's statements, each with the comments and blank lines above it."""
    lines, start = cell.split("\n"), 0
    body = ast.parse(cell).body
    for node, following in zip(body, [*body[1:], None], strict=False):
        end = node.end_lineno
        if following and _first_line(following) <= end:  # two on a line: keep together
            continue
        yield "\n".join(lines[start:end]) + "\n"
        start = end


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(d.lineno for d in decorators)])


def _tidy(text: str) -> str:
    """No blank lines at the ends, nor where something has fallen out between."""
    return re.sub(r"\n{4,}", "\n\n\n", text).strip("\n")


def _run(statements: list[ast.stmt], found: Names) -> None:
    for statement in statements:
        _statement(statement, found)


def _statement(node: ast.stmt, found: Names) -> None:
    """One statement, in the order in which Python reads and binds."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = {a.asname or a.name.partition(".")[0] for a in node.names}
        found.binds |= names
        found.imports |= names
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        for part in node.decorator_list:
            _expression(part, found)
        if isinstance(node, ast.ClassDef):
            found.late |= _free(node)
        else:
            _expression(node.args, found)
            found.late |= _free(node)
        found.binds.add(node.name)
    elif isinstance(node, (ast.For, ast.While, ast.If, ast.With, ast.Try)):
        _compound(node, found)
    else:
        _expression(node, found)
        found.maybe |= _changed(node)
        stored = _stored(node)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and _makes_state(node.value):
            found.stateful |= stored
        found.binds |= stored


def _compound(node: ast.stmt, found: Names) -> None:
    for part in ("iter", "test"):
        if hasattr(node, part):
            _expression(getattr(node, part), found)
    bound = set(found.binds)
    if isinstance(node, ast.For):
        found.binds |= _stored(node.target)
    for item in getattr(node, "items", []):
        _expression(item.context_expr, found)
        found.binds |= _stored(item.optional_vars) if item.optional_vars else set()
    for handler in getattr(node, "handlers", []):
        _run(handler.body, found)
    for part in ("body", "orelse", "finalbody"):
        _run(getattr(node, part, []), found)
    if not isinstance(node, ast.With):  # its body may never run
        found.maybe |= found.binds - bound


def _expression(node: ast.AST, found: Names) -> None:
    """What is read in an expression, or in a simple statement."""
    found.load(_read(node))
    for function in _functions(node):
        found.late |= _free(function)


def _read(node: ast.AST) -> set[str]:
    """Names read at once: not those inside functions, nor a comprehension's own."""
    if isinstance(node, _FUNCTIONS):
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        return set().union(*map(_read, defaults)) if defaults else set()
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    own = {node.target.id} if _is_augmented(node) else set()
    inner = set().union(*map(_read, ast.iter_child_nodes(node)), own)
    if isinstance(node, _COMPREHENSIONS):
        return inner - set().union(*(_stored(g.target) for g in node.generators))
    return inner


def _functions(node: ast.AST) -> Iterator[ast.AST]:
    return (n for n in ast.walk(node) if isinstance(n, _FUNCTIONS))


def _free(node: ast.AST) -> set[str]:
    """Names that a function or class takes from outside when it runs."""
    inside = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
    own = {n.id for n in inside if not isinstance(n.ctx, ast.Load)}
    own |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    own |= {n.name for n in ast.walk(node) if isinstance(n, ast.FunctionDef)} - {
        getattr(node, "name", "")
    }
    return {n.id for n in inside if isinstance(n.ctx, ast.Load)} - own


def _stored(node: ast.AST) -> set[str]:
    """Names that get a value, not counting functions' and comprehensions' own."""
    if isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS)):
        return set()
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Store) else set()
    return set().union(*map(_stored, ast.iter_child_nodes(node)))


def _changed(node: ast.stmt) -> set[str]:
    """Objects changed in place: `a[i] = ...`, `a += ...`, `a.append(...)`."""
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    changed = {
        _base(t) for t in targets if isinstance(t, (ast.Subscript, ast.Attribute))
    }
    if _is_augmented(node):
        changed.add(node.target.id)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        if isinstance(node.value.func, ast.Attribute):
            changed.add(_base(node.value.func))
    return changed - {None}


def _base(node: ast.AST) -> str | None:
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _is_augmented(node: ast.AST) -> bool:
    return isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)


def _makes_state(value: ast.AST | None) -> bool:
    calls = (
        [n.func for n in ast.walk(value) if isinstance(n, ast.Call)] if value else []
    )
    names = {getattr(f, "attr", getattr(f, "id", None)) for f in calls}
    return bool(names & STATEFUL)
