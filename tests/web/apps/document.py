"""The page's sections under the page's own address, for tests that run the script without a browser."""

from lstmviz.web import page

page.main(page.DOCUMENT)
