namespace OnnxPriors.Cli.Reports;

/// <summary>
/// The page's style sheet: it follows the reader's light or dark setting, prints in black on white and loads nothing.
/// It holds neither '&amp;' nor '&lt;' nor '&gt;', which stand for themselves in HTML's style element but not in XML.
/// </summary>
internal static class ReportStyle
{
    /// <summary>How many colours there are; further ways begin again at the first. They are told apart by the colour-blind (Okabe and Ito 2008).</summary>
    public const int Colours = 7;

    public const string Sheet = """

        :root {
          color-scheme: light dark;
          --page: #f6f7f9; --card: #ffffff; --ink: #1b2130; --soft: #5a6478; --line: #e1e5ec; --strong-line: #aab2c0;
          --accent: #0b62a8; --over: #c0392b; --under: #7a8599; --best: #e9f3ec; --best-ink: #12643f;
          --shadow: 0 1px 2px rgb(20 30 50 / 6%), 0 6px 24px rgb(20 30 50 / 5%);
          --c0: #7b8494; --c1: #d98a00; --c2: #cf5313; --c3: #0b72b9; --c4: #0a9067; --c5: #b65a96; --c6: #3d9fd6;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #11141a; --card: #1a1f28; --ink: #e7eaf0; --soft: #9aa4b6; --line: #2b323e; --strong-line: #566175;
            --accent: #6cb6f2; --over: #f0776a; --under: #8a95a8; --best: #17352a; --best-ink: #7fdcae; --shadow: none;
            --c0: #9aa4b4; --c1: #f0b03c; --c2: #f08345; --c3: #5aaeea; --c4: #35c796; --c5: #dc92c2; --c6: #8accf2;
          }
        }
        .way-0 { --way: var(--c0); } .way-1 { --way: var(--c1); } .way-2 { --way: var(--c2); } .way-3 { --way: var(--c3); }
        .way-4 { --way: var(--c4); } .way-5 { --way: var(--c5); } .way-6 { --way: var(--c6); }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", Arial, sans-serif; }
        main { max-width: 1180px; margin: 0 auto; padding: 44px 24px 28px; }
        h1 { font-size: 2.05rem; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 10px; }
        h2 { font-size: 1.2rem; letter-spacing: -0.01em; margin: 0 0 4px; }
        h3 { font-size: 0.95rem; margin: 0 0 6px; font-weight: 600; }
        .lead { font-size: 1.08rem; color: var(--soft); max-width: 66ch; margin: 0; }
        .note { color: var(--soft); font-size: 0.9rem; margin: 0 0 16px; max-width: 90ch; }
        section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); padding: 24px 26px; margin-top: 22px; }
        .conclusions { margin: 6px 0 0; padding: 0; list-style: none; }
        .conclusions li { padding: 9px 0 9px 18px; border-left: 3px solid var(--line); margin-top: 8px; }
        .conclusions li:first-child { border-left-color: var(--accent); font-size: 1.08rem; font-weight: 600; }
        .scroll { overflow-x: auto; } .scroll + .scroll { margin-top: 22px; }
        table { border-collapse: collapse; width: 100%; font-size: 0.94rem; }
        caption { text-align: left; color: var(--soft); font-size: 0.9rem; padding: 0 0 8px; }
        th, td { text-align: left; padding: 10px 12px; border-bottom: 1px solid var(--line); vertical-align: middle; }
        tbody tr:last-child th, tbody tr:last-child td { border-bottom: 0; }
        thead th { color: var(--soft); font-weight: 600; font-size: 0.82rem; border-bottom-color: var(--strong-line); white-space: nowrap; }
        tbody th { font-weight: 600; min-width: 210px; }
        tbody th p { margin: 2px 0 0 19px; font-weight: 400; font-size: 0.84rem; color: var(--soft); line-height: 1.4; max-width: 34ch; }
        .number { font-variant-numeric: tabular-nums; white-space: nowrap; }
        .scores td { min-width: 150px; }
        .scores td svg { display: block; width: 132px; height: 18px; margin: 4px 0 0 -7px; }
        .best { background: var(--best); color: var(--best-ink); font-weight: 650; border-radius: 6px; padding: 1px 7px; margin-left: -7px; }
        .bins td, .bins th { padding: 5px 12px; } .bins tbody th { min-width: 0; font-weight: 400; }
        .clear { font-weight: 650; color: var(--best-ink); } .worse { font-weight: 650; color: var(--over); } .edge { color: var(--over); font-weight: 650; }
        .swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px; background: var(--way); margin-right: 8px; }
        .legend { display: flex; flex-wrap: wrap; gap: 4px 22px; list-style: none; padding: 0; margin: 0 0 14px; font-size: 0.9rem; }
        .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); gap: 20px 30px; }
        .many { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(196px, 100%), 1fr)); gap: 22px 18px; }
        .many figure { display: grid; grid-template-rows: subgrid; grid-row: span 2; row-gap: 0; }
        figure { margin: 0; } figure svg { display: block; width: 100%; height: auto; }
        figcaption { font-size: 0.93rem; font-weight: 600; margin-bottom: 8px; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 24px; margin: 12px 0 0; font-size: 0.93rem; }
        dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
        details { margin-top: 18px; font-size: 0.92rem; } summary { cursor: pointer; color: var(--accent); font-weight: 600; margin-bottom: 10px; }
        footer { color: var(--soft); font-size: 0.84rem; margin: 22px 4px 0; }
        svg text { font-size: 12px; fill: var(--soft); } svg .axis-title { font-size: 12.5px; } .many svg text { font-size: 11.5px; }
        svg .grid { stroke: var(--line); } svg .base { stroke: var(--strong-line); }
        svg .curve { fill: none; stroke: var(--way); stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
        svg .dashed { stroke-dasharray: 5 4; } svg .whisker { stroke: var(--way); stroke-width: 1.4; opacity: 0.7; } svg .ring { fill: var(--card); stroke: var(--way); stroke-width: 1.8; }
        svg .end { fill: var(--way); stroke: var(--card); stroke-width: 1.5; }
        svg .band { fill: var(--way); opacity: 0.14; }
        svg .dot { fill: var(--way); opacity: 0.55; } svg .mean { fill: var(--way); }
        svg .diagonal { stroke: var(--soft); stroke-dasharray: 4 4; }
        svg .bar { fill: var(--way); opacity: 0.8; } svg .count { fill: var(--way); opacity: 0.45; }
        svg .gap { fill-opacity: 0.16; stroke-width: 1; } svg .over { fill: var(--over); stroke: var(--over); } svg .under { fill: var(--under); stroke: var(--under); }
        @media print { :root { --page: #fff; } body { font-size: 12px; } main { padding: 0; } section { break-inside: avoid; box-shadow: none; } }

        """;
}
