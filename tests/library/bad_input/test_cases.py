"""What does not fit is refused, with a message that names the argument."""

from tests.library.bad_input.cases import CASES
from tests.library.bad_input.cases_critique import CRITIQUE
from tests.library.bad_input.cases_feature_learning import FEATURE_LEARNING
from tests.library.bad_input.cases_infinite import INFINITE
from tests.library.bad_input.cases_learning_curves import LEARNING_CURVES


def test_every_case_is_refused_by_name():
    """One test for all: a list of what went wrong says more than its first entry."""
    wrong = []
    cases = [*CASES, *INFINITE, *CRITIQUE, *LEARNING_CURVES, *FEATURE_LEARNING]
    for function, change, name in cases:
        case = f"{function.__name__}({change})"
        try:
            result = function(**change)
        except (TypeError, ValueError) as error:
            said = str(error)
            if f"`{name}" not in said and f"{name}`" not in said:
                wrong.append(f"{case}: does not name `{name}`: {said}")
        except Exception as error:
            wrong.append(f"{case}: {type(error).__name__}: {error}")
        else:
            wrong.append(f"{case}: accepted, {result}")
    assert not wrong, "\n\n".join(wrong)
