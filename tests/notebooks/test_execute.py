"""What is stored of a run does not depend on how busy the machine was."""

from nbformat.v4 import new_output

from book.tools.notebooks.execute import joined


def test_printed_text_that_came_in_parts_is_one_output():
    def said(text, name="stdout"):
        return new_output("stream", name=name, text=text)

    picture = new_output("display_data", data={"text/plain": "<Figure>"})
    found = joined(
        [said("a\n"), said("b\n"), picture, said("c\n"), said("d\n", "stderr")]
    )
    assert [getattr(each, "text", None) for each in found] == [
        "a\nb\n",
        None,
        "c\n",
        "d\n",
    ]
