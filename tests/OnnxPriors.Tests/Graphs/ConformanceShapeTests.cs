using System.Collections.Immutable;
using System.Globalization;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;

namespace OnnxPriors.Tests.Graphs;

/// <summary>
/// Types and shapes inferred for ONNX's own cases are those of the outputs expected, which the check of conformance compares with both
/// engines: with the inputs' extents as numbers, and with names in their place.
/// </summary>
[TestClass]
public sealed class ConformanceShapeTests
{
    /// <summary>Operators whose extents follow from the contents of tensors that are given at each run.</summary>
    private static readonly HashSet<string> FromContents = new(StringComparer.Ordinal)
    {
        "NonZero", "Unique", "NonMaxSuppression", "Compress",
    };

    /// <summary>Operators that numbers in the file cut named extents with: a part that does not come out even has no expression.</summary>
    private static readonly HashSet<string> ByNumbers = new(StringComparer.Ordinal) { "Slice", "Split", "Reshape", "Resize" };

    private static readonly Dictionary<string, Dimension> Sizes =
        Enumerable.Range(2, 1000).ToDictionary(i => string.Create(CultureInfo.InvariantCulture, $"d{i}"), i => (Dimension)i, StringComparer.Ordinal);

    [TestMethod]
    [RequiresConformanceCases]
    public void Shapes_inferred_from_numbers_are_those_expected() => AssertAgree(named: false);

    [TestMethod]
    [RequiresConformanceCases]
    public void Shapes_inferred_from_names_are_those_expected() => AssertAgree(named: true);

    private static void AssertAgree(bool named)
    {
        var wrong = new List<string>();
        var compared = 0;
        foreach (var folder in ConformanceFiles.Folders)
        {
            var set = Path.Combine(folder, "test_data_set_0");
            var name = Path.GetFileName(folder);
            try
            {
                var model = OnnxFile.Load(Path.Combine(folder, "model.onnx"));
                var graph = ModelImporter.Import(model, Options(model.Graph, set, named)).Graph;
                for (var i = 0; i < graph.Outputs.Length; i++)
                {
                    var expected = TensorFile.Load(Path.Combine(set, $"output_{i}.pb"));
                    var inferred = graph.Outputs[i];
                    compared++;
                    if (inferred.Type != expected.Type && model.Graph.Outputs[i].Type != ElementType.BFloat16)
                        wrong.Add($"{name}: {inferred} is to be {expected.Type}");
                    if (inferred.Shape is { } shape && (shape.Rank != expected.Dimensions.Length || shape.Zip(expected.Dimensions).Any(p => Sized(p.First) is { } extent && extent != p.Second)))
                        wrong.Add($"{name}: {inferred} is to be [{string.Join(", ", expected.Dimensions)}]");
                    if ((inferred.Shape is null || inferred.Shape.Any(d => !d.IsKnown)) && !graph.Nodes.Any(n => FromContents.Contains(n.Op) || (named && ByNumbers.Contains(n.Op))))
                        wrong.Add($"{name}: {inferred} is open, and comes out as [{string.Join(", ", expected.Dimensions)}]");
                }
            }
            catch (Exception e) when (e is UnsupportedModelException or NormalizationException or ModelFormatException)
            {
                // The check of conformance holds the list of what is refused.
            }
        }
        Assert.IsEmpty(wrong, string.Join(Environment.NewLine, wrong));
        Assert.IsGreaterThan(1000, compared);
    }

    // Inputs that say how large a result is become constants, as they are in models; the others get the extents of the case's data.
    private static ImportOptions Options(Graph graph, string set, bool named)
    {
        var inputs = graph.Inputs.Select((input, i) => (input.Name, Data: TensorFile.Load(Path.Combine(set, $"input_{i}.pb")))).ToList();
        var givesSizes = graph.Nodes.Any(n => n.Op is "Resize" or "Upsample" or "Range" or "OneHot" or "MelWeightMatrix");
        var bound = inputs.Where(p => p.Data.Dimensions.Length <= 1 && p.Data.Count <= 16 && (p.Data.Type.IsInteger() || givesSizes)).ToList();
        return new()
        {
            Bindings = [.. bound.Select(p => new InputBinding(p.Name, [.. p.Data.ToDouble()]))],
            InputShapes = inputs.Except(bound).ToImmutableSortedDictionary(
                p => p.Name, p => named && p.Data.Type.IsFloating() ? Named(p.Data) : p.Data.Shape, StringComparer.Ordinal),
        };
    }

    // Equal extents get one name, as an exporter gives them; 1 broadcasts and so stays a number.
    private static Shape Named(TensorData data) => new(
        [.. data.Dimensions.Select(d => d > 1 ? Dimension.Symbolic(string.Create(CultureInfo.InvariantCulture, $"d{d}")) : d)]);

    private static long? Sized(Dimension dimension) => dimension.Substitute(Sizes).Value;
}
