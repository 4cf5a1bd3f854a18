using System.Globalization;
using OnnxPriors.Graphs;

namespace OnnxPriors.Importing;

/// <summary>Where a model's feature extractor ends.</summary>
/// <param name="Features">The value that holds the features, [N, F] or [N, F, …].</param>
/// <param name="Layer">The layer that is replaced; null where the user named the features.</param>
public sealed record FeatureSplit(Value Features, Node? Layer)
{
    /// <summary>
    /// Finds the split: the features are what goes into the last parameterised layer (a matrix product or a convolution, with the
    /// addition of its bias) on every path to the output.
    /// </summary>
    /// <param name="graph">A canonical graph.</param>
    /// <param name="logits">The value that holds the class scores.</param>
    /// <exception cref="ImportException">There is no such layer, or more than one; the message names them.</exception>
    public static FeatureSplit Find(Graph graph, Value logits)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(logits);
        var uses = new ParameterUses(graph);
        var layers = new List<Node>();
        var seen = new HashSet<Value>();
        var pending = new Stack<Value>([logits]);
        var bypassed = false;
        while (pending.TryPop(out var value))
        {
            if (!seen.Add(value) || !uses.DependsOnInput(value))
                continue;
            if (value.Producer is not { } node)
                bypassed = true;
            else if (IsLayer(node, uses))
            {
                if (!layers.Contains(node))
                    layers.Add(node);
            }
            else
                foreach (var input in node.Inputs)
                    if (input is not null)
                        pending.Push(input);
        }
        return layers switch
        {
            [] => throw new ImportException("No layer with weights (a matrix product or a convolution) leads to the output; name the features with --features VALUE."),
            [var one] when !bypassed => new(DataOf(one, uses), one),
            _ => throw new ImportException(string.Create(CultureInfo.InvariantCulture,
                $"The split into features and head is not clear: {(bypassed ? "a path around the layers leads from the input to the output" : $"{layers.Count} layers are last on their path to the output")}. Name the features with --features VALUE; candidates are {string.Join(", ", layers.Select(l => $"'{DataOf(l, uses).Name}' (into {l.Title})").Distinct())}.")),
        };
    }

    private static bool IsLayer(Node node, ParameterUses uses) => node.Op switch
    {
        "Conv" or "ConvTranspose" => uses.Behind(node.Input(1)).Any(),
        "Gemm" or "MatMul" => uses.Behind(node.Input(0)).Any() || uses.Behind(node.Input(1)).Any(),
        _ => false,
    };

    private static Value DataOf(Node layer, ParameterUses uses) => uses.DependsOnInput(layer.Input(0)) ? layer.Input(0) : layer.Input(1);
}
