using System.Globalization;
using System.Xml.Linq;

namespace OnnxPriors.Cli.Reports;

/// <summary>A thin strip with one dot a seed and a stroke at their mean, on an axis that all ways share.</summary>
internal static class SeedStrip
{
    private const double Width = 132, Height = 18, Margin = 7;

    public static XElement Draw(string title, int colour, IReadOnlyList<double> values, IEnumerable<double> valuesOfAllWays)
    {
        var finite = valuesOfAllWays.Where(double.IsFinite).ToList();
        var (low, high) = finite.Count == 0 ? (0, 1) : (finite.Min(), finite.Max());
        if (high <= low)
            (low, high) = (low - 0.5, high + 0.5);
        var axis = new Axis(low, high, Margin, Width - Margin);
        var mean = Spread.Of([.. values]).Mean;
        return Svg.Drawing(
            Width, Height, title,
            Svg.Line("grid", Margin, Height / 2, Width - Margin, Height / 2),
            Svg.Group(
                $"way-{colour}",
                values.Where(double.IsFinite).Select(value =>
                    Svg.Circle("dot", axis.At(value), Height / 2, 4, value.ToString("0.####", CultureInfo.InvariantCulture))),
                double.IsNaN(mean) ? null : Svg.Rectangle("mean", axis.At(mean) - 1, 1, 2, Height - 2)));
    }
}
