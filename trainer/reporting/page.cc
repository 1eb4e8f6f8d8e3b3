#include "trainer/reporting/page.h"

#include "core/base/str_cat.h"
#include "trainer/reporting/html.h"

namespace kindred {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#57606a;--rule:#d5dae0;--panel:#f6f8fa;--accent:#0b62c4;
--s0:#0b62c4;--s1:#b8500a;--s2:#0b7a53;--s3:#8838a6;--s4:#8a6d00;--s5:#5a6572}
@media (prefers-color-scheme:dark){:root{--paper:#12161b;--ink:#e5e9ee;--soft:#9aa5b1;--rule:#323a44;--panel:#1a2027;
--accent:#6db1ff;--s0:#6db1ff;--s1:#f59a4f;--s2:#4fcf9c;--s3:#d491ee;--s4:#dfc04a;--s5:#a3afbb}}
*{box-sizing:border-box}
html{scroll-behavior:smooth}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"DejaVu Sans",sans-serif;overflow-wrap:break-word}
main,header,footer{max-width:68rem;margin:0 auto;padding:0 1.1rem}
header{padding-top:1.8rem}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.3rem;margin:2.6rem 0 .6rem;padding-bottom:.25rem;border-bottom:2px solid var(--rule)}
h3{font-size:1.05rem;margin:1.8rem 0 .5rem}
p{margin:.5rem 0 .8rem;max-width:46rem}
.soft,header p,footer{color:var(--soft)}
footer{padding-bottom:2.5rem;margin-top:3rem;font-size:.85rem}
nav ul,.legend{list-style:none;padding:0;margin:.8rem 0;display:flex;flex-wrap:wrap;gap:.3rem 1rem}
a{color:var(--accent)}
code{font:.86em/1.4 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;background:var(--panel);padding:.1em .35em;
border-radius:4px}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.7rem;margin:1rem 0}
.tile{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:.6rem .8rem}
.tile dt{color:var(--soft);font-size:.82rem}
.tile dd{margin:0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums;line-height:1.3}
.tile small{display:block;font-size:.78rem;font-weight:400;color:var(--soft)}
.missing{border-left:4px solid var(--rule);padding:.3rem .9rem;color:var(--soft)}
.missing code{display:inline-block;margin-top:.3rem}
.note{border-left:4px solid var(--s1);padding:.3rem .9rem}
.plots+.plots{margin-top:1rem}
.plots figure,.plots .scroll{min-width:0}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem;align-items:start}
figure{margin:0;border:1px solid var(--rule);border-radius:8px;padding:.7rem .8rem;max-width:34rem;break-inside:avoid}
figcaption{font-weight:600;font-size:.95rem}
.legend{margin:.2rem 0 .3rem;gap:.1rem .9rem;font-size:.84rem}
.legend li{display:flex;align-items:center;gap:.35rem}
svg{display:block;width:100%;height:auto;font-family:inherit}
.key{width:30px;height:18px;flex:none}
svg text{fill:var(--ink)}
svg .label{fill:var(--soft)}
svg .figure{font-size:12px}
.grid{stroke:var(--rule);stroke-width:1}
.axis{stroke:var(--soft);stroke-width:1.2}
.level{stroke:var(--soft);stroke-width:1.6;stroke-dasharray:2 4}
.line{fill:none;stroke:currentColor;stroke-width:2.2;stroke-linejoin:round}
.dashed{stroke-dasharray:7 5}
.dot{fill:currentColor;stroke:var(--paper);stroke-width:1}
.ring{fill:none;stroke:currentColor;stroke-width:2.2}
.error{stroke:currentColor;stroke-width:1.3}
.whisker{stroke:var(--ink);stroke-width:1.3}
.fill{fill:currentColor}
.s0{color:var(--s0)}.s1{color:var(--s1)}.s2{color:var(--s2)}.s3{color:var(--s3)}.s4{color:var(--s4)}.s5{color:var(--s5)}
.scroll{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;font-size:.88rem;min-width:min(100%,24rem)}
caption{text-align:left;font-weight:600;padding-bottom:.3rem}
th,td{padding:.28rem .65rem;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
thead th{color:var(--soft);font-weight:600;border-bottom-width:2px;vertical-align:bottom}
tbody th{font-weight:500}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.bar{position:relative;display:block;min-width:5rem;text-align:right}
.bar i{position:absolute;inset:.1rem auto .1rem 0;background:var(--s0);opacity:.22;border-radius:2px}
.bar b{position:relative;font-weight:400}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,16rem),1fr));gap:.8rem}
.card{border:1px solid var(--rule);border-radius:8px;padding:.6rem .8rem;break-inside:avoid}
.card h4{margin:0 0 .1rem;font-size:.98rem}
.card p{margin:0 0 .4rem;font-size:.82rem}
.card ol{margin:0;padding:0;list-style:none;font-size:.86rem}
.card li{position:relative;padding:.1rem .3rem;margin:.12rem 0;display:flex;justify-content:space-between;gap:.6rem}
.card li i{position:absolute;inset:0 auto 0 0;background:var(--s2);opacity:.2;border-radius:3px}
.card li span{position:relative;min-width:0;overflow-wrap:anywhere}
.card li .n{color:var(--soft)}
summary{cursor:pointer;color:var(--accent)}
@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--rule:#bbb;--panel:#f4f4f4;--accent:#000;
--s0:#0b62c4;--s1:#b8500a;--s2:#0b7a53;--s3:#8838a6;--s4:#8a6d00;--s5:#5a6572}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
html{font-size:10pt}body{font-size:1rem}nav{display:none}h2,h3{break-after:avoid}tr{break-inside:avoid}
.plots{grid-template-columns:1fr 1fr}.scroll{overflow:visible}
table{font-size:7.5pt;min-width:0}th,td{padding:.15rem .3rem}.n{white-space:normal}.bar{min-width:3rem}a{text-decoration:none}}
)";

}  // namespace

std::string PageHtml(const std::string& title, const std::string& subtitle_html,
                     const std::vector<PageSection>& sections) {
  std::string out = StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<title>",
      Escaped(title), "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n<header>\n<h1>", Escaped(title),
      "</h1>\n<p>", subtitle_html, "</p>\n<nav aria-label=\"Contents\"><ul>");
  for (const PageSection& section : sections) {
    StrAppend(&out, "<li><a href=\"#", section.id, "\">", Escaped(section.title), "</a></li>");
  }
  StrAppend(&out, "</ul></nav>\n</header>\n<main>\n");
  for (const PageSection& section : sections) {
    StrAppend(&out, "<section id=\"", section.id, "\">\n<h2>", Escaped(section.title), "</h2>\n", section.html,
              "</section>\n");
  }
  StrAppend(&out,
            "</main>\n<footer>Made by <code>kindred report</code>. Formulas: "
            "docs/evaluation.md.</footer>\n</body>\n</html>\n");
  return out;
}

}  // namespace kindred
