"""How the page looks: colours for light and dark pages, and one style sheet for notebook and browser page alike.

Light or dark is decided by the style sheet alone: JupyterLab's theme where there is one, else the browser's wish. The
kernel is not asked. Every colour is a CSS variable; marks of plots refer to them by name. The page's root has the class
``scalewise``; all else begins with ``sw-``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from scalewise.plots.palette import SLOTS

__all__ = ["DARK", "LIGHT", "css"]

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "page": "#F6F7F9",
        "panel": "#FFFFFF",
        "raised": "#F1F3F4",
        "text": "#202124",
        "muted": "#5F6368",
        "grid": "#E8EAED",
        "border": "#DADCE0",
        "accent": "#1A5FB4",
        "on-accent": "#FFFFFF",
        "yes": "#0B6B4F",
        "no": "#4A4F55",
        "unsure": "#8A5A00",
        "error": "#B3261E",
        "shadow": "0 1px 2px rgba(60, 64, 67, 0.18)",
    }
)
"""Colours of a light page by what they are for."""

DARK: Mapping[str, str] = MappingProxyType(
    {
        "page": "#17191C",
        "panel": "#202328",
        "raised": "#2B2F35",
        "text": "#E8EAED",
        "muted": "#A8AEB5",
        "grid": "#33383F",
        "border": "#3C4148",
        "accent": "#8AB4F8",
        "on-accent": "#10233F",
        "yes": "#5DD0A8",
        "no": "#C4C8CC",
        "unsure": "#F2C14E",
        "error": "#F28B82",
        "shadow": "none",
    }
)
"""Colours of a dark page by what they are for."""


def css() -> str:
    """The whole style sheet."""
    light, dark = _variables(LIGHT, dark=False), _variables(DARK, dark=True)
    slots = "".join(f".sw-model-{s.name}{{--sw-model:var(--sw-model-{s.name})}}\n" for s in SLOTS)
    # Voilà's page says it is light whatever the browser wants, so only a notebook's word counts.
    notebook = 'body[data-jp-theme-light="true"]:not([data-voila])'
    return (
        f":root{{{light}}}\n"
        f"@media (prefers-color-scheme: dark){{:root:not(:has({notebook})){{{dark}}}}}\n"
        f':root:has(body[data-jp-theme-light="false"]){{{dark}}}\n'
        f"{slots}{_JUPYTER}{_PAGE}{_CONTROLS}{_WORDS}{_PLOTS}"
    )


def _variables(colours: Mapping[str, str], *, dark: bool) -> str:
    named = [f"--sw-{name}:{value}" for name, value in colours.items()]
    models = [f"--sw-model-{s.name}:{s.dark if dark else s.light}" for s in SLOTS]
    return ";".join((*named, *models, f"color-scheme:{'dark' if dark else 'light'}"))


_JUPYTER = """
:root:has(body[data-voila] .scalewise){background:var(--sw-page)}
body[data-voila]:has(.scalewise){background:var(--sw-page);margin:0;padding:0}
body[data-voila]:has(.scalewise) :is(#main,#rendered_cells){background:transparent;padding:0}
body[data-voila] #rendered_cells :is(.jp-Cell,.jp-Cell-outputWrapper){padding:0;margin:0}
.scalewise{
  --jp-layout-color0:var(--sw-panel);--jp-layout-color1:var(--sw-panel);--jp-layout-color2:var(--sw-raised);
  --jp-layout-color3:var(--sw-border);--jp-border-color0:var(--sw-border);--jp-border-color1:var(--sw-border);
  --jp-border-color2:var(--sw-border);--jp-ui-font-color0:var(--sw-text);--jp-ui-font-color1:var(--sw-text);
  --jp-ui-font-color2:var(--sw-muted);--jp-content-font-color0:var(--sw-text);--jp-content-font-color1:var(--sw-text);
  --jp-content-font-color2:var(--sw-muted);--jp-brand-color1:var(--sw-accent);--jp-brand-color2:var(--sw-accent);
  --jp-widgets-color:var(--sw-text);--jp-widgets-label-color:var(--sw-text);
  --jp-widgets-readout-color:var(--sw-text);--jp-widgets-font-size:13px;
  --jp-widgets-input-color:var(--sw-text);--jp-widgets-input-background-color:var(--sw-panel);
  --jp-widgets-input-border-color:var(--sw-border);--jp-widgets-input-focus-border-color:var(--sw-accent);
  --jp-widgets-slider-handle-background-color:var(--sw-panel);--jp-widgets-slider-active-handle-color:var(--sw-accent);
  --jp-widgets-slider-handle-border-color:var(--sw-accent);--jp-widgets-input-padding:6px;
}
.scalewise select,.scalewise input{border-radius:4px;color:var(--sw-text);background-color:var(--sw-panel)}
.scalewise .widget-dropdown>select{appearance:auto;background-image:none;padding-right:2px;text-overflow:ellipsis}
.scalewise select option{background:var(--sw-panel);color:var(--sw-text)}
"""

_PAGE = """
.scalewise,.scalewise *{box-sizing:border-box}
.scalewise{
  color:var(--sw-text);background:var(--sw-page);font:14px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;
  padding:16px;width:100%;container-type:inline-size;overflow:visible;
}
.scalewise .jupyter-widgets{margin:0}
.scalewise .widget-html,.scalewise .widget-html-content{
  height:auto;min-height:0;line-height:inherit;font-size:inherit;color:inherit;overflow:visible;
}
.scalewise .sw-panel :is(.widget-html,.widget-html-content){min-width:0;max-width:100%}
.scalewise h2,.scalewise p,.scalewise ul{margin:0}
.scalewise>.widget-html:has(.sw-header){margin-bottom:12px}
.sw-header{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 16px}
.sw-name{font-size:18px;font-weight:700;letter-spacing:-.01em}
.sw-about{color:var(--sw-muted)}
.sw-about b{color:var(--sw-text);font-weight:600}
.sw-phase{margin-left:auto;color:var(--sw-muted)}
.sw-phase-running{color:var(--sw-accent);font-weight:600}
.sw-phase-failed,.sw-phase-refused{color:var(--sw-error);font-weight:600}
.scalewise .sw-body{
  display:grid;grid-template-columns:248px minmax(0,1fr);gap:16px;align-items:start;overflow:visible;
}
.scalewise .sw-main{display:flex;gap:16px;min-width:0;overflow:visible}
.scalewise .sw-small-plots{
  display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px;align-items:stretch;overflow:visible;
}
.sw-scale{display:grid;grid-template-columns:minmax(200px,1fr) minmax(0,2fr);gap:16px;overflow:visible}
.sw-scale-form{gap:8px;overflow:visible}
.scalewise .sw-scale .sw-told{gap:12px;overflow:visible}
.scalewise .sw-scale ul{padding-left:16px;margin-bottom:8px}
.scalewise .sw-scale li{line-height:20px}
.scalewise .sw-wide{overflow-x:auto}
.sw-bar{
  display:inline-block;width:48px;height:8px;border-radius:4px;background:var(--sw-border);overflow:hidden;
  margin-right:4px;
}
.sw-bar>span{display:block;height:100%;background:var(--sw-accent)}
.scalewise .sw-scale :is(.sw-buttons,.sw-pair){flex-wrap:wrap}
.scalewise .sw-scale :is(.sw-buttons,.sw-pair)>*{flex:1 1 auto;width:auto}
@container (max-width:1000px){.scalewise .sw-bar{width:24px}}
@container (max-width:700px){.sw-scale{grid-template-columns:minmax(0,1fr)}}
@container (max-width:480px){.scalewise .sw-bar{display:none}.scalewise .sw-scale .sw-table td{white-space:normal}}
.scalewise .sw-few{
  display:grid;grid-template-columns:minmax(0,3fr) minmax(240px,2fr);gap:16px;align-items:start;overflow:visible;
}
.sw-keep{gap:4px;overflow:visible}
.sw-keep-buttons{flex-wrap:wrap;gap:8px;overflow:visible}
.sw-keep-buttons>.jupyter-button{width:auto;padding:0 12px}
.scalewise .sw-effect{padding-left:16px;font-size:13px;line-height:20px}
.scalewise .sw-effect li{margin:0 0 2px}
.sw-alarms{gap:4px;overflow:visible}
.sw-alarm-row{
  align-items:center;gap:8px;background:var(--sw-panel);border:1px solid var(--sw-border);
  border-left:4px solid var(--sw-unsure);border-radius:8px;padding:4px 8px 4px 12px;overflow:visible;
}
.sw-alarm-row>.widget-html{flex:1 1 auto;min-width:0}
.sw-alarm{font-size:13px;line-height:20px}
.sw-alarm-row>.jupyter-button{width:auto;flex:none;padding:0 12px}
.sw-groups .sw-chip::before{display:none}
.sw-either{overflow:visible}
@container (max-width:900px){.scalewise .sw-few{grid-template-columns:minmax(0,1fr)}}
@container (max-width:1100px){.scalewise .sw-small-plots{grid-template-columns:minmax(0,1fr)}}
/* On a narrow page the verdict still stands first, and the controls flow into columns. */
@container (max-width:800px){
  .scalewise .sw-body{grid-template-columns:minmax(0,1fr)}
  .scalewise .sw-main{display:contents}
  .scalewise .sw-main>:first-child{order:-1}
  .scalewise .sw-controls{display:block;columns:220px;column-gap:16px}
  .scalewise .sw-controls>*{break-inside:avoid;margin-bottom:8px}
}
.sw-panel,.sw-controls,.sw-card{
  background:var(--sw-panel);border:1px solid var(--sw-border);border-radius:8px;box-shadow:var(--sw-shadow);
  padding:12px 16px;min-width:0;overflow:visible;
}
.sw-panel{gap:4px}
.sw-heading{flex-wrap:wrap;align-items:center;gap:4px 16px;min-height:28px;overflow:visible}
.sw-heading>.widget-html:first-child{margin-right:auto}
.sw-heading .widget-hbox{align-items:center;gap:8px;overflow:visible}
.sw-heading .widget-toggle-buttons .widget-toggle-button{width:auto;padding:0 8px;margin:0}
.sw-heading .widget-dropdown,.sw-heading .widget-text{width:152px}
.sw-heading .widget-checkbox{width:auto}
.sw-small-plots .sw-heading{min-height:0}
.scalewise .sw-small-plots .sw-heading>.widget-html:first-child:not(:only-child){flex:1 0 100%}
.scalewise .sw-small-plots .sw-heading>:not(:first-child){flex:1 1 124px;min-width:0}
.scalewise .sw-small-plots .sw-heading>.widget-toggle-buttons{flex:none;width:auto}
.sw-title{font-size:14px;line-height:20px;font-weight:600}
.scalewise :focus-visible{outline:2px solid var(--sw-accent);outline-offset:1px}
"""

_CONTROLS = """
.sw-controls{gap:8px}
.sw-controls>.widget-html:has(>.widget-html-content:empty){display:none}
.sw-field,.scalewise .sw-pair,.scalewise .sw-buttons,.sw-model{overflow:visible;min-width:0}
.sw-field{gap:2px}
/* The name of a control for screen readers; for all others it stands above the control. */
.scalewise :is(.sw-field,.sw-heading,.sw-pair) .widget-label{
  position:absolute;width:1px;min-width:0;height:1px;margin:0;padding:0;overflow:hidden;clip-path:inset(50%);
}
.sw-pair>*{flex:1 1 0}
.scalewise .sw-pair,.scalewise .sw-buttons{gap:8px}
.sw-buttons>.jupyter-button{flex:1 1 0;width:auto;padding:0 4px}
.sw-model{align-items:flex-start;gap:8px;min-height:24px}
.sw-model>.widget-html{flex:none;line-height:24px}
.sw-model .sw-pin:not(.mod-active,:hover,:focus-visible){opacity:.35;background:transparent}
.sw-model .sw-pin{width:24px;min-width:24px;height:20px;padding:0;line-height:20px;flex:none;margin-top:2px}
.sw-model .widget-checkbox{width:auto;flex:1 1 0;min-width:0;height:auto}
/* Labels of models with own settings take two lines, rather than be cut. */
.sw-model .widget-checkbox>.widget-label-basic{
  display:flex;align-items:flex-start;white-space:normal;overflow-wrap:anywhere;line-height:20px;padding:2px 0;
}
.scalewise .sw-model .widget-checkbox input[type="checkbox"]{flex:none;align-self:flex-start;margin-top:3px}
.scalewise .sw-label,.scalewise .sw-hint{color:var(--sw-muted);font-size:12px;line-height:16px}
.scalewise .sw-hint.sw-note-error{color:var(--sw-error)}
.sw-rows b{color:var(--sw-text)}
.scalewise .sw-folded{overflow:visible}
.sw-folded :is(.jupyter-widget-Collapse,.jupyter-widget-Collapse-contents,.jupyter-widget-Collapse-header){
  background:transparent;border:0;margin:0;padding:0;color:var(--sw-muted);overflow:visible;min-width:0;
}
.sw-folded .jupyter-widget-Collapse-header{font-size:12px;line-height:24px;cursor:pointer}
.sw-folded .jupyter-widget-Collapse-header:hover{color:var(--sw-text)}
.scalewise .sw-settings{gap:8px;padding:4px 0 8px;overflow:visible}
.scalewise .widget-slider{width:100%}
.scalewise .widget-slider,.scalewise .widget-slider .slider-container{overflow:visible}
.scalewise .widget-slider .noUi-connect{background:var(--sw-accent)}
.scalewise .jupyter-button{
  border-radius:4px;color:var(--sw-text);background:var(--sw-raised);border:1px solid transparent;font-size:13px;
}
.scalewise .jupyter-button:hover:enabled{border-color:var(--sw-muted);box-shadow:none}
.scalewise .jupyter-button.mod-primary{background:var(--sw-accent);color:var(--sw-on-accent);font-weight:600}
.scalewise .jupyter-button.mod-active{background:var(--sw-border);box-shadow:inset 0 -2px 0 var(--sw-accent)}
.scalewise .jupyter-button:disabled{opacity:.45}
.sw-progress{height:8px;border-radius:4px;background:var(--sw-raised);overflow:hidden;margin-bottom:4px}
.sw-progress>div{height:100%;background:var(--sw-accent)}
"""

_WORDS = """
.sw-card:has(.sw-verdict-use_more_rows,.sw-verdict-collect_rows,.sw-verdict-scale_out,.sw-verdict-fewer_features){--sw-tone:var(--sw-yes)}
.sw-card:has(.sw-verdict-stop){--sw-tone:var(--sw-no)}
.sw-card:has(.sw-verdict-cannot_tell){--sw-tone:var(--sw-unsure)}
.sw-card:has(.sw-verdict-refused){--sw-tone:var(--sw-error)}
.sw-card{border-left:4px solid var(--sw-tone,var(--sw-border));gap:4px}
.scalewise .sw-content,.sw-card:not(:has(.sw-ways)) .sw-heading-ways,.sw-card:not(:has(.sw-change)) .sw-heading-change{
  display:none;
}
.scalewise .sw-card:has(.sw-fold-ways[open])>.sw-content-ways,
.scalewise .sw-card:has(.sw-fold-change[open])>.sw-content-change{display:block}
.sw-badge{
  display:flex;justify-content:space-between;gap:16px;font-size:12px;line-height:16px;font-weight:600;
  color:var(--sw-tone,var(--sw-muted));
}
.sw-badge .sw-margin{color:var(--sw-muted);font-weight:400}
.scalewise .sw-sentence{font-size:18px;line-height:24px;font-weight:600;margin:4px 0}
.scalewise .sw-card ul,.scalewise .sw-messages ul{padding-left:16px}
.scalewise .sw-card li,.scalewise .sw-messages li{margin:0;line-height:20px}
.sw-evidence{color:var(--sw-muted);font-size:13px}
.scalewise .sw-next{font-size:13px;line-height:20px;margin-bottom:4px}
.scalewise .sw-card .widget-html,.scalewise .sw-card .widget-html-content{min-width:0;max-width:100%}
.sw-ways{overflow-x:auto;margin:4px 0 8px}
.scalewise .sw-ways td:last-child,.scalewise .sw-ways thead th:last-child{
  text-align:left;white-space:normal;min-width:200px;color:var(--sw-muted);
}
.scalewise .sw-ways tbody th{color:var(--sw-text)}
@container (max-width:560px){
  .sw-ways thead{display:none}
  .scalewise .sw-ways tr{
    display:flex;flex-wrap:wrap;gap:0 12px;padding:4px 0;border-bottom:1px solid var(--sw-border);
  }
  .scalewise .sw-ways tbody th{flex:1 0 100%;font-weight:600}
  .scalewise .sw-ways .sw-table td{padding:0;text-align:left}
  .scalewise .sw-ways td:empty{display:none}
  .sw-ways td::before{content:attr(data-label) " ";color:var(--sw-muted)}
  .scalewise .sw-ways td:last-child{flex:1 0 100%;min-width:0}
  .sw-ways td:last-child::before{content:none}
  .scalewise .sw-content ul{max-height:none}
}
.scalewise summary{cursor:pointer;color:var(--sw-muted);font-size:13px;line-height:20px;width:fit-content}
.sw-content ul,.sw-messages ul{font-size:13px;color:var(--sw-muted);max-height:160px;overflow-y:auto}
.sw-messages b{color:var(--sw-text);font-weight:600}
.sw-note-warning{color:var(--sw-unsure)}.sw-note-error{color:var(--sw-error)}
.scalewise .sw-messages-warning>summary{color:var(--sw-unsure);font-weight:600}
.scalewise .sw-messages-error>summary{color:var(--sw-error);font-weight:600}
.sw-questions{
  gap:8px;background:var(--sw-panel);border:1px solid var(--sw-border);border-radius:8px;box-shadow:var(--sw-shadow);
  padding:8px 16px;min-width:0;overflow:visible;
}
.scalewise .sw-question,.scalewise .sw-question-buttons{overflow:visible;flex-wrap:wrap;gap:4px 8px;align-items:center}
.scalewise .sw-question>.widget-html{flex:1 1 360px;min-width:0}
.sw-question-text{font-size:13px;line-height:20px;color:var(--sw-muted)}
.sw-unit-changes{color:var(--sw-unsure);font-weight:600}
.sw-unit-same{color:var(--sw-text)}
.sw-question-buttons>.jupyter-button{width:auto;padding:0 10px;margin:0}
.sw-dot,.sw-swatch,.sw-chip::before{
  content:"";display:inline-block;flex:none;width:10px;height:10px;border-radius:50%;background:var(--sw-model);
}
.sw-swatch{margin-right:6px}
.sw-unseen{
  position:absolute!important;left:0;bottom:0;width:1px;height:1px!important;overflow:hidden!important;
  clip-path:inset(50%);white-space:nowrap;
}
"""

_PLOTS = """
.sw-plot{width:100%;min-width:0;gap:4px;overflow:visible;position:relative}
.sw-stage{position:relative;width:100%;min-width:0;overflow:visible}
.sw-stage.sw-scroll{max-height:304px;overflow-x:hidden;overflow-y:auto}
.scalewise .sw-stage .sw-empty{
  position:absolute;inset:0;display:flex;align-items:center;justify-content:center;pointer-events:none;
  color:var(--sw-muted);font-size:14px;text-align:center;
}
.scalewise .sw-stage .sw-empty>.widget-html-content{align-self:center}
.scalewise .sw-caption,.scalewise .sw-note{color:var(--sw-muted);font-size:12px;line-height:16px}
.sw-legend{flex-wrap:wrap;align-items:center;gap:4px;overflow:visible;min-height:24px}
.scalewise .sw-legend .sw-caption{margin-right:4px;font-weight:600}
.sw-plot .jupyter-button.sw-chip{
  height:24px;line-height:22px;padding:0 7px 0 6px;font-size:12px;border:1px solid var(--sw-border);border-radius:12px;
  background:transparent;font-variant-numeric:tabular-nums;overflow:visible;
}
.sw-chip::before{margin-right:4px;vertical-align:-1px}
.sw-plot .jupyter-button.sw-chip.sw-off{color:var(--sw-muted);border-style:dashed}
.sw-chip.sw-off::before{background:transparent;box-shadow:inset 0 0 0 2px var(--sw-model)}
.sw-table{border-collapse:collapse;width:100%;font-size:12px;line-height:20px;color:var(--sw-text);margin:0}
.scalewise .sw-table th,.scalewise .sw-table td{
  text-align:right;font-weight:400;padding:0 8px;white-space:nowrap;background:transparent;border:0;
}
.scalewise .sw-panel .sw-table thead th{white-space:normal;vertical-align:bottom;line-height:16px}
@container (max-width:1000px){.scalewise .sw-panel .sw-table :is(td,th){padding:0 4px}}
.scalewise .sw-table th:first-child{text-align:left;padding-left:0}
.scalewise .sw-table :is(td,th):last-child{padding-right:0}
.scalewise .sw-table thead th{color:var(--sw-muted);border-bottom:1px solid var(--sw-border)}
.sw-table td{font-variant-numeric:tabular-nums}
.sw-table sup{font-size:9px;line-height:0}
.sw-plot .sw-figure.bqplot{
  --bq-background:transparent;--bq-plotarea-background-fill:transparent;--bq-font:11px system-ui,sans-serif;
  --bq-axislabel-font:11px system-ui,sans-serif;--bq-axislabel-fill:var(--sw-muted);
  --bq-axis-tick-text-fill:var(--sw-muted);--bq-grid-color:var(--sw-grid);--bq-axis-border-color:var(--sw-grid);
  min-height:160px;overflow:hidden;
}
@container (max-width:480px){
  .scalewise .sw-panel .sw-table tbody th:has(.sw-swatch){
    white-space:normal;min-width:124px;padding-left:16px;text-indent:-16px;
  }
}
@container (max-width:480px){.sw-plot .sw-figure .axis .tick text{font-size:8px!important;letter-spacing:-.03em}}
.sw-plot .sw-figure .axis .tick text{font-variant-numeric:tabular-nums}
.sw-plot .sw-figure .axis path.domain{stroke:var(--sw-grid)}
.sw-plot .sw-figure .line[style*="dasharray: 2"]{stroke-dasharray:1px 5px!important;stroke-linecap:round}
.sw-plot .sw-figure .line[style*="dasharray: 10"]{stroke-dasharray:4px 4px!important}
.bqplot_mark_tooltip:has(.sw-tip){
  background:var(--sw-panel);color:var(--sw-text);border:1px solid var(--sw-border);border-radius:6px;
  box-shadow:0 2px 8px rgba(0,0,0,.25);padding:0;z-index:1000;
}
.sw-tip table{border:0;background:transparent}
.sw-tip td.tooltiptext{
  white-space:pre;border:0;padding:8px 12px;font:12px/18px system-ui,sans-serif;color:var(--sw-text);text-align:left;
}
.sw-tip td.tooltiptext::first-line{font-weight:600}
"""
