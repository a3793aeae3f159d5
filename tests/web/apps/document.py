"""The page's sections under the page's own address, for tests that run the script without a browser."""

from lstmviz.web import page
from lstmviz.web.paths import names

page.main(names.DOCUMENT)
