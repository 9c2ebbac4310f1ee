"""How a result is shown: figures, explorable figures, claims and exercises."""

from ntkbook._lazy import exports

NAMES = {
    "claims": "claim",
    "exercises": "check key",
    "figures.explorable": "explore",
    "browser.playground": "playground",
    "browser": """
        contributions_in_browser large_steps_in_browser learning_in_browser
        posterior_in_browser
        tangent_in_browser train_in_browser
    """,
}

__getattr__, __all__ = exports(__name__, NAMES)
