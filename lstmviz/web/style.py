"""The page's few rules of style, where Streamlit's theme has no setting."""

STYLE = """<style>
.stMainBlockContainer { padding: 3.5rem 2rem 4rem; max-width: 1600px; }
@media (min-width: 900px) {
  :has(> .st-key-controls) { position: sticky; top: 4.25rem; }
  .st-key-controls { max-height: calc(100dvh - 5rem); overflow: hidden auto; scrollbar-width: thin; padding-right: .5rem; }
}
@media (max-width: 899px) {
  .stMainBlockContainer { padding: 3rem 1rem 3rem; }
  .stHorizontalBlock:has(> .stColumn .st-key-controls) { flex-direction: column; }
  .stHorizontalBlock:has(> .stColumn .st-key-controls) > .stColumn { width: 100%; flex: 1 1 auto; min-width: 0; }
  /* Two beside each other, so that the pictures are not a screen away. */
  .st-key-controls { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; align-items: end; }
  .st-key-controls > :not(.st-key-cell, .st-key-input_size, :has(.st-key-cell, .st-key-input_size)) { grid-column: 1 / -1; }
  .st-key-controls .stHorizontalBlock { flex-wrap: nowrap; gap: .75rem; }
  .st-key-controls .stHorizontalBlock > .stColumn { min-width: 0; flex: 1; }
}
.stMarkdown h1 { font-size: 2.2rem; padding-bottom: .2rem; }
.stMarkdown h2 { font-size: 1.5rem; }
.stMarkdown table { width: 100%; }
.stMarkdown th, .stMarkdown td { padding: .35rem .5rem; }
.stMarkdown td code { white-space: nowrap; }
.stMarkdown { overflow-x: auto; }
/* Streamlit's own is a grey of too little contrast. */
[data-testid="stCaptionContainer"] { opacity: 1; color: inherit; }
[data-testid="stCaptionContainer"] :is(p, code, li) { color: inherit; opacity: 1; }
/* What is agreed to is read to its end, also on a telephone. */
.st-key-assume :is([data-testid="stMarkdownContainer"], p) { white-space: normal; overflow: visible; }
.lv-table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem; }
.lv-table caption { text-align: left; font-weight: 600; padding: .35rem 0; }
.lv-table th, .lv-table td { padding: .15rem .5rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #868d9455; }
</style>"""
