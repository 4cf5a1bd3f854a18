using System.Text;
using System.Xml.Linq;

namespace OnnxPriors.Cli.Reports;

/// <summary>The frame that every report stands in: one file with its style within, no script, nothing loaded; well-formed XML.</summary>
internal static class Page
{
    /// <summary>The page as HTML.</summary>
    /// <param name="title">Its title.</param>
    /// <param name="content">What stands in it.</param>
    public static string Render(string title, params object?[] content)
    {
        var page = new XElement(
            "html", new XAttribute("lang", "en"),
            new XElement(
                "head",
                new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement("meta", new XAttribute("name", "viewport"), new XAttribute("content", "width=device-width, initial-scale=1")),
                new XElement("title", HtmlReport.Clean(title)),
                new XElement("style", ReportStyle.Sheet)),
            new XElement("body", new XElement("main", content)));
        return "<!DOCTYPE html>\n" + page.ToString(SaveOptions.DisableFormatting) + "\n";
    }

    /// <summary>Writes a page; the file appears whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, string html)
    {
        using var file = AtomicFile.Create(path);
        file.Stream.Write(Encoding.UTF8.GetBytes(html));
        file.Commit();
    }

    /// <summary>The heading and what is compared on what.</summary>
    public static XElement Header(string title, string summary) =>
        new("header", new XElement("h1", HtmlReport.Clean(title)), Paragraph("lead", summary));

    /// <summary>The last line.</summary>
    public static XElement Footer(string text) => new("footer", $"{HtmlReport.Clean(text)} Made by OnnxPriors; this file loads nothing and runs no script.");

    /// <summary>A card with a heading.</summary>
    public static XElement Section(string title, string? note, params object?[] content) => new(
        "section", new XElement("h2", HtmlReport.Clean(title)), note is null ? null : Paragraph("note", note), content);

    /// <summary>A drawing with its caption.</summary>
    public static XElement? Figure(string caption, XElement? drawing) =>
        drawing is null ? null : new XElement("figure", new XElement("figcaption", HtmlReport.Clean(caption)), drawing);

    /// <summary>The circumstances; null where there is none.</summary>
    public static XElement? Facts(IReadOnlyList<ReportFact> facts) => facts.Count == 0 ? null : Section(
        "Circumstances", null,
        new XElement("dl", facts.Select(fact => new[] { new XElement("dt", HtmlReport.Clean(fact.Name)), new XElement("dd", HtmlReport.Clean(fact.Value)) })));

    /// <summary>A table that scrolls where it is too wide.</summary>
    public static XElement Table(string kind, IEnumerable<string> columns, IEnumerable<XElement> rows, string? caption = null) => new(
        "div", new XAttribute("class", "scroll"),
        new XElement(
            "table", new XAttribute("class", kind),
            caption is null ? null : new XElement("caption", HtmlReport.Clean(caption)),
            new XElement("thead", new XElement("tr", columns.Select(column => new XElement("th", new XAttribute("scope", "col"), HtmlReport.Clean(column))))),
            new XElement("tbody", rows)));

    /// <summary>A row of a table: its heading and its cells.</summary>
    public static XElement Row(object heading, params IEnumerable<object> cells) => new(
        "tr", new XElement("th", new XAttribute("scope", "row"), heading), cells.Select(cell => cell as XElement ?? new XElement("td", new XAttribute("class", "number"), cell)));

    private static XElement Paragraph(string kind, string text) => new("p", new XAttribute("class", kind), HtmlReport.Clean(text));
}
