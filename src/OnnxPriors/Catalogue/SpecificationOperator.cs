using System.Collections.Immutable;
using System.Globalization;

namespace OnnxPriors.Catalogue;

/// <summary>An operator of the ONNX specification (version 1.23, opset 28).</summary>
/// <param name="Domain">Its domain; empty for the standard one.</param>
/// <param name="Name">Its name.</param>
/// <param name="Versions">The opsets of its domain that define it anew, oldest first.</param>
/// <param name="IsWithdrawn">Whether the last of them withdraws it.</param>
internal sealed record SpecificationOperator(string Domain, string Name, ImmutableArray<int> Versions, bool IsWithdrawn)
{
    /// <summary>Every operator of the specification, those of the standard domain first, in the order of their names.</summary>
    public static ImmutableArray<SpecificationOperator> All { get; } = Read();

    // The table is written by tools/operators.py; a line is `Name 1 6 13`, `Name! 9 11` or `domain.Name 1`.
    private static ImmutableArray<SpecificationOperator> Read()
    {
        using var stream = typeof(SpecificationOperator).Assembly.GetManifestResourceStream("OnnxPriors.Catalogue.operators.txt")!;
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Parse)];
    }

    private static SpecificationOperator Parse(string line)
    {
        var words = line.Split(' ');
        var title = words[0].TrimEnd('!');
        var dot = title.LastIndexOf('.');
        return new(dot < 0 ? "" : title[..dot], title[(dot + 1)..], [.. words.Skip(1).Select(w => int.Parse(w, CultureInfo.InvariantCulture))], words[0].EndsWith('!'));
    }
}
