"""A small chapter that uses all the markup the book uses, for the tools' tests."""

import nbformat

from ntkbook.page.exercises import key

PICTURE = {"image/svg+xml": "<svg/>", "text/plain": "<Figure size 640x360 with 1 Axes>"}


def markdown(source: str, **metadata):
    return nbformat.v4.new_markdown_cell(source.strip(), metadata=metadata)


def code(source: str, data: dict | None = None, **metadata):
    outputs = []
    if data:
        outputs.append(nbformat.v4.new_output("display_data", data=data))
    return nbformat.v4.new_code_cell(source.strip(), outputs=outputs, metadata=metadata)


def exercise(id: str, kind: str, **more) -> dict:
    about = {"id": id, "kind": kind, "outcome": "Do it.", "difficulty": 1, "minutes": 5}
    return {"exercise": about | more}


def chapter() -> nbformat.NotebookNode:
    """The sample, with outputs, as a chapter is committed."""
    sealed = key("2.2", 0.25, mistakes={"Halve it.": 0.5})
    cells = [
        markdown("# A sample chapter"),
        markdown(
            r"""
(sec-first)=
## The first section

By {cite:t}`chizat2019lazy` and others {cite:p}`chizat2019lazy,jacot2018neural`, see
{ref}`sec-first`, {numref}`fig-2-line`, {prf:ref}`thm-main`, {eq}`eq-sum` and
{ref}`ex-2-2`. In the book's {doc}`notation <../book/notation>`, {math}`f` is $f$.

$$
a = b
$$ (eq-sum)

Not numbered: $$c = d$$

% a comment

```python
x = {"a": 1}  # {ref}`not-a-role`
```
"""
        ),
        markdown(
            r"""
```{prf:definition} A line
:label: def-line
The **line** is

$$ y = k x $$ (eq-line)

of slope $k$.
```

````{prf:theorem}
:label: thm-main
All lines {prf:ref}`def-line` are straight:

```{math}
:label: eq-two
u &= v \\
w &= x
```
````

```{prf:proof}
By {eq}`eq-line` and {eq}`eq-two`.
```

:::{note}
Take note.
:::

```{admonition} A trap
:class: warning
Mind the step.
```

```{prf:theorem} Second
Not labelled.
```
"""
        ),
        code(
            "draw()",
            PICTURE,
            mystnb={
                "image": {"alt": "A line."},
                "figure": {"caption": "A line by {eq}`eq-line`.", "name": "fig-2-line"},
            },
        ),
        markdown("## Exercises"),
        markdown(
            "```{exercise} Think\n:label: ex-2-1\nIs {prf:ref}`thm-main` true?\n```",
            ntkbook=exercise("2.1", "think"),
        ),
        markdown("```{solution-start} ex-2-1\n:label: sol-2-1\n:class: dropdown\n```"),
        markdown("Because.\n\n$$ s = t $$ (eq-inside)"),
        markdown("```{solution-end}\n```"),
        markdown(
            "```{exercise}\n:label: ex-2-2\nCompute $1/4$, after {eq}`eq-after`.\n```",
            ntkbook=exercise("2.2", "compute", lines=1),
        ),
        markdown("```{solution-start} ex-2-2\n:label: sol-2-2\n:class: dropdown\n```"),
        code(
            'key("2.2", 1 / 4, mistakes={"Halve it.": 1 / 2})',
            sealed._repr_mimebundle_(),
            tags=["solution"],
        ),
        markdown("```{solution-end}\n```"),
        markdown("## Last\n\n$$ p = q $$ (eq-after)"),
    ]
    for count, cell in enumerate((c for c in cells if c.cell_type == "code"), start=1):
        cell.execution_count = count
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    return nbformat.v4.new_notebook(cells=cells)
