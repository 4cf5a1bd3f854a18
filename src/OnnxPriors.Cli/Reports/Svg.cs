using System.Globalization;
using System.Xml.Linq;

namespace OnnxPriors.Cli.Reports;

/// <summary>The handful of SVG elements that the charts are made of. Text and attributes are escaped by the XML library.</summary>
internal static class Svg
{
    /// <summary>A drawing that scales with its place and says what it shows to those who cannot see it.</summary>
    public static XElement Drawing(double width, double height, string title, params object?[] content) => new(
        "svg",
        new XAttribute("viewBox", $"0 0 {Text(width)} {Text(height)}"),
        new XAttribute("role", "img"),
        new XAttribute("aria-label", HtmlReport.Clean(title)),
        content);

    /// <summary>Elements that share a class.</summary>
    public static XElement Group(string kind, params object?[] content) => new("g", new XAttribute("class", kind), content);

    public static XElement Line(string kind, double x1, double y1, double x2, double y2) => new(
        "line", new XAttribute("class", kind), Place("x1", x1), Place("y1", y1), Place("x2", x2), Place("y2", y2));

    public static XElement Rectangle(string kind, double x, double y, double width, double height, string? tip = null) => new(
        "rect", new XAttribute("class", kind), Place("x", x), Place("y", y), Place("width", Math.Max(width, 0)), Place("height", Math.Max(height, 0)), Tip(tip));

    public static XElement Circle(string kind, double x, double y, double radius, string? tip = null) => new(
        "circle", new XAttribute("class", kind), Place("cx", x), Place("cy", y), Place("r", radius), Tip(tip));

    public static XElement Polyline(string kind, IEnumerable<(double X, double Y)> points) => new(
        "polyline", new XAttribute("class", kind), Points(points));

    public static XElement Polygon(string kind, IEnumerable<(double X, double Y)> points) => new(
        "polygon", new XAttribute("class", kind), Points(points));

    /// <summary>A line of text; <paramref name="anchor"/> is start, middle or end.</summary>
    public static XElement Label(string kind, double x, double y, string text, string anchor = "start") => new(
        "text", new XAttribute("class", kind), Place("x", x), Place("y", y), new XAttribute("text-anchor", anchor), HtmlReport.Clean(text));

    /// <summary>A number with no more digits than a drawing can show.</summary>
    public static string Text(double value) => Math.Round(value, 2).ToString(CultureInfo.InvariantCulture);

    private static XAttribute Place(string name, double value) => new(name, Text(value));

    private static XAttribute Points(IEnumerable<(double X, double Y)> points) =>
        new("points", string.Join(' ', points.Select(point => $"{Text(point.X)},{Text(point.Y)}")));

    private static XElement? Tip(string? tip) => tip is null ? null : new XElement("title", HtmlReport.Clean(tip));
}
