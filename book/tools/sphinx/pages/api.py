"""The page of the library: every public name, in the order of what one wants to do.

The names come from the ``__all__`` of ``ntkbook`` and of its public modules; this file
says which section has which. A name has one address: ``ntkbook.ntk`` where ``ntkbook``
itself offers it, else that of its module, such as ``ntkbook.flow.decay_rates``.
"""

import inspect
import sys
from importlib import import_module

from sphinx.pycode import ModuleAnalyzer

import ntkbook

SECTIONS = {
    "Make a network": ["networks"],
    "Compute its tangent kernel": ["kernels.empirical"],
    "Expand it in its weights": ["taylor"],
    "Train it": ["training"],
    "Ask how fast it trains": ["flow"],
    "Measure over widths and starts": ["width", "results.estimate"],
    "Make it infinitely wide": ["infinite"],
    "Account for a trained output": ["paths"],
    "Ask which targets are easy": ["alignment"],
    "Predict its test error from a spectrum": ["learning_curves"],
    "Leave the lazy regime": ["feature_learning"],
    "Repeat the critique's study": ["critique"],
    "Take data and stored results": ["data", "results"],
    "Ask and tell the machine": ["machine"],
    "Show it on a page": ["page"],
}
PLACE = ".. ntkbook-api::"


def addresses() -> dict[str, list[str]]:
    """Each section's names, as they are imported; each name once."""
    found: dict[str, list[str]] = {}
    for title, modules in SECTIONS.items():
        seen = {name for names in found.values() for name in names}
        every = [name for module in modules for name in _offered(module)]
        found[title] = [name for name in dict.fromkeys(every) if name not in seen]
    return found


def _offered(module: str) -> list[str]:
    """The addresses of what a public module lists, or `ntkbook` of a package."""
    if module not in ntkbook.MODULES:
        homes = [h for h in ntkbook.NAMES if f"{h}.".startswith(f"{module}.")]
        return [f"ntkbook.{n}" for home in homes for n in ntkbook.NAMES[home].split()]
    home = import_module(f"ntkbook.{module}")
    functions_first = sorted(
        home.__all__, key=lambda name: inspect.isclass(getattr(home, name))
    )
    return [
        f"ntkbook.{name}"
        if getattr(ntkbook, name, None) is getattr(home, name)
        else f"ntkbook.{module}.{name}"
        for name in functions_first
    ]


def directive(address: str) -> str:
    """What Sphinx is told: a function, a class with its own methods, or a constant."""
    module, name = address.rsplit(".", 1)
    thing = getattr(import_module(module), name)
    if inspect.isclass(thing):
        call = "" if inspect.signature(thing).parameters and _is_called(thing) else "()"
        text = f".. autoclass:: {address}{call}"
        if methods := list(_methods(thing)):
            text += f"\n   :members: {', '.join(methods)}"
        return text
    if callable(thing):
        return f".. autofunction:: {address}"
    value = repr(thing)
    shown = f"\n   :value: {value}" if len(value) < 60 else ""
    return f".. py:data:: {address}{shown}\n\n   {_comment(name, thing)}"


def _comment(name: str, constant) -> str:
    """What the comment `#:` says above a constant, in whichever module defines it."""
    for home in [key for key in sys.modules if f"{key}.".startswith("ntkbook.")]:
        if vars(sys.modules[home]).get(name) is constant:
            found = ModuleAnalyzer.for_module(home).find_attr_docs()
            if lines := found.get(("", name)):
                return " ".join(lines).strip()
    raise LookupError(f"no comment '#:' says what {name} is")


def _is_called(cls) -> bool:
    """Whether a reader makes one, which the results of functions are not for."""
    return "__init__" in vars(cls) and not hasattr(cls, "__dataclass_fields__")


def _methods(cls):
    fields = {*getattr(cls, "_fields", ()), *getattr(cls, "__dataclass_fields__", ())}
    for name, member in vars(cls).items():
        documented = getattr(member, "__doc__", None) or ""
        if not name.startswith("_") and name not in fields and documented:
            if inspect.isfunction(member) or isinstance(member, property):
                yield name


def sections() -> str:
    lines = []
    for title, names in addresses().items():
        lines += [title, "-" * len(title), "", *map(directive, names), ""]
    return "\n".join(lines)


def fill_in(app, docname, source):
    if PLACE in source[0]:
        source[0] = source[0].replace(PLACE, sections())


def setup(app):
    app.connect("source-read", fill_in)
