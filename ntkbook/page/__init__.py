"""How a result is shown: figures, explorable figures, claims and exercises."""

from ntkbook.page.train import train_in_browser as train_in_browser
