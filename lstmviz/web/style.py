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
.stMainBlockContainer:has(.st-key-settings) { padding-top: 4.25rem; }
.st-key-settings { gap: .75rem 1rem; }
.st-key-settings > * { flex: 1 1 9rem; max-width: 18rem; }
.st-key-settings > :has(> .st-key-settings_size), .st-key-settings > .st-key-settings_size { flex: 2 1 20rem; max-width: 30rem; }
.st-key-settings .stHorizontalBlock { flex-wrap: nowrap; gap: .75rem; }
.st-key-settings .stHorizontalBlock > .stColumn { min-width: 0; }
@media (max-width: 699px) { .st-key-settings > * { flex: 1 1 40%; max-width: none; } }
/* A table's own buttons stand above it, over what comes before it where they do not come and go with a pointer. */
@media (max-width: 699px) { .st-key-pattern_ways { margin-bottom: 1.6rem; } .st-key-ranked_units { margin-top: 2.5rem; } }
/* Two settings beside each other: hues that no gate has, mixed with the text's colour, so that they are read in either theme. */
.lv-of-a { --lv-hue: color-mix(in srgb, #a88200 65%, currentColor); }
.lv-of-b { --lv-hue: color-mix(in srgb, #008a96 65%, currentColor); }
.lv-setting { border-collapse: collapse; min-width: min(100%, 36rem); font-variant-numeric: tabular-nums; }
.lv-setting :is(th, td) { padding: .15rem 1rem .15rem 0; text-align: left; font-weight: 400; overflow-wrap: anywhere; }
.lv-setting :is(th, td):last-child { padding-right: 0; }
.lv-setting thead th { border-bottom: 3px solid var(--lv-hue, transparent); }
.lv-letter { color: var(--lv-hue); font-size: 1.2rem; font-weight: 700; }
.lv-setting .lv-differs td { color: var(--lv-hue); font-weight: 700; }
.lv-setting .lv-differs th { font-weight: 700; }
.lv-run { border-top: 3px solid var(--lv-hue); }
.stMarkdown h1 { font-size: 2.2rem; padding-bottom: .2rem; }
.stMarkdown h2 { font-size: 1.5rem; }
.stMarkdown table { width: 100%; }
.stMarkdown th, .stMarkdown td { padding: .35rem .5rem; }
.stMarkdown td code { white-space: nowrap; }
/* Japanese breaks between any two letters: on a telephone a column would be one letter wide. */
.stMarkdown th { min-width: 4rem; }
.stMarkdown td:not(:has(> code:only-child)) { min-width: 7rem; }
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
