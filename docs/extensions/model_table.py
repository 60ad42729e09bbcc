"""The table of the model zoo on its page, made from the package's list."""

from mkdocs.structure.pages import Page
from prettytable import TableStyle

from mmseg_deeplab.checkpoints.model_zoo import models_table, zoo_models

PLACE = '<!-- The site has the table here: docs/extensions/model_table.py -->'


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Put the table into its place."""
    if page.file.src_uri != 'models.md':
        return markdown
    table = models_table(zoo_models())
    table.set_style(TableStyle.MARKDOWN)
    return markdown.replace(PLACE, str(table))
