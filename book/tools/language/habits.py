"""Habits of wording that this book does without: why, and what to write instead.

A pattern meets prose only (see texts.py); `unless` is a context in which the words are
right, looked for in what is `AROUND` characters to the left and right of them. Between
words any blank counts, so a line may end there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

AROUND = 50
THEOREM = (
    "theorems?|lemmas?|propositions?|coroll(?:ary|aries)|criteri(?:on|a)|conditions?"
    "|definitions?|formulas?|bounds?|statements?|networks?|kernels?|\N{MIDDLE DOT}"
)
SOURCE = (
    f"{THEOREM}|methods?|contributions?|theory|tables?|columns?|lists?|means?|starts?"
)
NOUN = (
    "layer|module|cell|file|chapter|width|seed|object|point|line|page|step|epoch|class"
)
BEFORE_NOUN = (
    "the|a|an|another|random|new|fresh|same|own|every|each|one|per|two|three|both|all"
    "|several|few|fewer|more|many|other|these|those|over|of|between|ten|twenty|eighty"
    "|aligned|\\d+"
)


@dataclass(frozen=True)
class Habit:
    """A pattern, why it goes, what to write; and where its words are right."""

    name: str
    pattern: str
    why: str
    better: str
    unless: str = ""


HABITS = (
    Habit(
        "derivative by",
        r"\b(?:derivatives?|gradients?|slopes?|Jacobians?|Hessians?) by\b"
        r"|\b[Dd]ifferentiat(?:e|es|ed|ing)(?: \S+){0,4}? by\b",
        "mathematicians differentiate a function with respect to a variable",
        "with respect to",
        r"by (?:hand|entry|JAX|automatic|less|more|finite|all of|its full|a factor|\d)"
        r"|forward|entry",
    ),
    Habit(
        "start",
        rf"\b(?i:{BEFORE_NOUN}) starts?\b"
        r"(?! (?:from|at|with|to|in|out|as|over|where|above|that is not)\b)"
        r"|\bstart's\b|\b[Aa]t (?:the )?start\b(?! of)",
        "the literature says initialisation; the start can also be a time",
        "at initialisation, initial, random initialisation",
        r"start of (?:the|a|its|each) (?:file|line|text|word|chapter|list|page)"
        r"|the start of its text",
    ),
    Habit(
        "books",
        r"\bbook-?keeping\b|\bbooked\b|\bkeeps? (?:the |its )?books\b"
        r"|\b(?:[Tt]he|its|without) books\b"
        r"|\b(?:an?|the|exact|this) accounts?\b(?! for)",
        "a metaphor that stands for an exact sum",
        "decomposition, contribution, description",
        r"(?:user|Zenodo|into|the Colab|whose) account|shelf",
    ),
    Habit(
        "told, came",
        r"(?<!\bis )(?<!\bare )(?<!\bbe )(?<!\bwas )(?<!\bitself )(?<!\bunless )"
        r"\b(?:fore)?told\b(?! apart)"
        r"|\b(?:what|that|change|told and|but \S+|and) came\b"
        r"(?! (?:out|from|later|first|with))",
        "a prediction predicts, and a measurement observes",
        "predicted, observed; in a message: not ..., got ...",
    ),
    Habit(
        "tells",
        rf"(?:\b(?:{SOURCE})) tells?\b(?!(?: \w+){{0,2}} apart)",
        "theorems, kernels and tables tell nobody anything",
        "shows, gives, predicts, determines",
    ),
    Habit(
        "length",
        r"\b(?:their|its|own|squared|unit) (?:own |full )?lengths?\b"
        r"|\blengths? of (?:the |a |its |their )?(?:weights?|vectors?|gradients?"
        r"|inputs?|residuals?|features?|steps?)\b|\bvectors? of length\b",
        "a vector has a norm; a length is that of a path, a list or a text",
        "norm",
        r"lists?|sentences?|path|array|axis|bytes|characters",
    ),
    Habit(
        "share",
        r"\b(?:a|the|its|their|what|which|own|same|expected|least|largest) shares?\b"
        r"(?! (?:the|a|an|its|their|one|only|no|data|images|weights|them)\b)"
        r"|\bshares? of\b",
        "a part of a whole is a fraction; what a point adds is a contribution",
        "fraction, part, contribution",
    ),
    Habit(
        "moment",
        r"\bmoments?\b",
        "a moment is an expectation of a power",
        "time, step",
        r"(?:second|fourth|finite|all|first|one|[Tt]wo|odd|of inertia)\s+moments?\b"
        r"|at any moment|moments: |moments of units",
    ),
    Habit(
        "picture",
        r"\b(?:this|first|last|next|central|lower|upper|left|right|source's|paper's)"
        r" pictures?\b|\bpost's pictures?\b"
        r"|\bpictures? (?:of Figure|with a|without a)\b"
        r"|\bwith a picture\b|\bin one picture\b",
        "papers have figures, and figures have panels",
        "figure, panel, plot",
    ),
    Habit(
        "asks, wants",
        rf"(?:\b(?:{THEOREM})) (?:asks?|wants?)\b",
        "a theorem requires or assumes, a formula needs",
        "requires, assumes, needs",
    ),
    Habit(
        "beside",
        r"\b[Bb]eside\b",
        "beside is a place; a number is compared with another",
        "compared with, next to, together with, besides",
    ),
    Habit(
        "per cent",
        "[\\d\N{MIDDLE DOT}}] %(?!\\w)|\\bpercent\\b|\\d per cent\\b",
        "one form in the whole book",
        '"95%" after digits, "per cent" after words',
    ),
    Habit(
        "a layer",
        rf"\b(?:one|two|three|four|\d+) \w+ an? (?:{NOUN})\b"
        rf"|\b(?:units|neurons|lines|seconds|minutes|directive|counter|colour|idea|exercise"
        rf"|product) an? (?:{NOUN})\b",
        "a rate is given per unit",
        "per layer, for each file",
        r"(?:in|on|[Oo]f|for|is|as|at|to|with) an? ",
    ),
    Habit(
        "fronted",
        r"\b(?:[Ww]hy|[Ww]hat|[Ww]hether|[Ww]hich|[Hh]ow|[Tt]hat)\b[^.;:!?()]{0,160}?,?"
        r" (?:we|one|runs) (?:do|did|can)(?: not|not)"
        r" (?:know|test|say|decide|tell) ?[.;)]"
        r"|(?:^|[.;:] )(?:Exact|Sufficient|Clear|Open|Wrong) (?:is|are) (?:the|an?)\b",
        "English puts the subject first",
        "We did not test whether ...; Only ... is exact",
        r"(?:as|than) (?:we|one)",
    ),
    Habit(
        "but",
        r"\b(?:all|nothing|none|anything|everything|any|exact|flat|nobody) but\b"
        r"|(?<![,;:]) but for\b|\b[Ss]ave for\b",
        "it is misread, as the opposite too",
        "except, all except, only, up to",
        r"not [^.]{0,40} but for",
    ),
    Habit(
        "takes a factor",
        r"\b(?:takes?|gets?|gains?) (?:the|a) factor\b(?! of)",
        "a quantity is multiplied",
        "is multiplied by",
    ),
    Habit(
        "to the end",
        r"\b[Tt]rain(?:s|ed|ing)? to the end\b|\btraining to the end\b",
        "training ends whenever one stops it",
        "to convergence",
        r"training to the end of",
    ),
    Habit(
        "in the place of",
        r"\bin the places? of\b",
        "a circumlocution",
        "instead of, in the role of",
    ),
    Habit(
        "outside of",
        r"\b(?:outside|inside) of\b",
        "American, and one word too many",
        "outside, inside",
    ),
    Habit(
        "in size",
        r"\b(?:equal|largest|smaller|larger|above \d|below \d) in size\b",
        "numbers have an absolute value",
        "in absolute value",
    ),
    Habit(
        "less",
        r"\b(?:accuracy|error|width|network|CNN|infinite|one)\b[^.,;]{0,40} less"
        r" (?:that of|\d|another|the (?:best|fully))",
        "a difference has a sign",
        "minus",
        r"no less|less than|with less",
    ),
    Habit(
        "by a layer",
        r"\b(?:gains?|loses?|lost|worse|better|changes?|improved?) by (?:a|the)"
        r" (?:second |additional )?layer\b",
        "by gives the amount, not the cause",
        "from a second layer",
    ),
    Habit(
        "with which power",
        r"\b[Ww]ith which (?:power|exponent)\b|\b[Aa]t which time\b"
        r"|\b[Bb]y which factor\b",
        "a question about a value",
        "as which power, at what time, by what factor",
    ),
    Habit(
        "bound of",
        r"\bbounds? of the (?:second|Hessian|ratio|norm|error|curvature|Jacobian)\b",
        "a bound is on a quantity",
        "bound on",
    ),
    Habit("the own", r"\bthe own\b", "own needs an owner", "its own"),
    Habit("all times", r"\bfor all times\b", "an idiom", "for all time, at all times"),
    Habit(
        "counted as",
        r"\b[Cc]ounted as:|\b[Ww]e count it as\b|\b[Ww]e count as:",
        "not how a convention is stated",
        "we take ... to mean, counts as reproduced if",
    ),
    Habit(
        "as one likes",
        r"\bas (?:\w+ )?as (?:one|we|you) likes?\b",
        "there is a word for it",
        "arbitrarily",
    ),
    Habit(
        "metaphor",
        r"\b(?:(?:[Tt]he|[Bb]y) luck|witness(?:es)?|keeps? alive|ladder|knobs?"
        r"|a vote of)\b",
        "a metaphor where a term exists",
        "chance, random deviation, evidence, hyperparameter",
    ),
)


def found(words: str) -> Iterator[tuple[int, str, Habit]]:
    """The habits that a text shows: where, the words, and which habit."""
    flat, places = flattened(words)
    for habit, pattern, unless in COMPILED:
        for match in pattern.finditer(flat):
            first = max(0, match.start() - AROUND)
            if not (unless and unless.search(flat, first, match.end() + AROUND)):
                yield places[match.start()], match[0], habit


def flattened(words: str) -> tuple[str, list[int]]:
    """The text on one line, with one blank between words, and where each sign was."""
    signs = [(m[0][0], m.start()) for m in re.finditer(r"\s+|\S", words)]
    flat = "".join(" " if sign.isspace() else sign for sign, _ in signs)
    return flat, [place for _, place in signs]


COMPILED = [
    (h, re.compile(h.pattern), h.unless and re.compile(h.unless)) for h in HABITS
]
