using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Normalization.Upgrades;

namespace OnnxPriors.Normalization.ControlFlow;

/// <summary>
/// Sequences and optional values (ONNX 11 and 15 on) whose length, and every position in them, follows from constants: they vanish, and
/// what is put in is what is taken out.
/// </summary>
internal static class Sequences
{
    private const int MaxItems = 10_000;

    public static IReadOnlyDictionary<string, Action<Node, InlineScope>> Rules { get; } = new Dictionary<string, Action<Node, InlineScope>>(StringComparer.Ordinal)
    {
        ["SequenceEmpty"] = (node, scope) => scope.Set(node.Outputs[0], new SequenceItem([])),
        ["SequenceConstruct"] = (node, scope) => scope.Set(node.Outputs[0], new SequenceItem([.. node.Inputs.Select((_, i) => scope.Get(node.Input(i)))])),
        ["SequenceInsert"] = Insert,
        ["SequenceErase"] = Erase,
        ["SequenceAt"] = (node, scope) => scope.Set(node.Outputs[0], List(node, 0, scope) is var items ? items[Position(node, 1, scope, items.Length, items.Length - 1)] : null!),
        ["SequenceLength"] = (node, scope) => scope.Set(node.Outputs[0], new TensorItem(scope.B.Constant(TensorData.Of([(long)List(node, 0, scope).Length], [])))),
        ["SplitToSequence"] = Split,
        ["ConcatFromSequence"] = Concat,
        ["SequenceMap"] = Map,
        ["Optional"] = (node, scope) => scope.Set(node.Outputs[0], new OptionalItem(node.TryInput(0) is { } x ? scope.Get(x) : null)),
        ["OptionalGetElement"] = (node, scope) => scope.Set(node.Outputs[0], Known(node, 0, scope) is not OptionalItem optional ? Known(node, 0, scope)
            : optional.Content ?? throw new GraphException($"{node.Title} takes the content of an optional value that has none.")),
        ["OptionalHasElement"] = (node, scope) => scope.Set(node.Outputs[0], new TensorItem(scope.B.Constant(TensorData.Of([node.TryInput(0) is not null && Known(node, 0, scope) is not OptionalItem { Content: null }], [])))),
    };

    /// <summary>An input that is not given from outside as something else than a tensor.</summary>
    private static Item Known(Node node, int input, InlineScope scope)
    {
        var source = node.Input(input);
        var item = scope.Get(source);
        return source.NotTensor is { } kind && item is TensorItem { Value.Kind: ValueKind.Input } ? throw NodeUpgrade.Refuse($"it takes {kind} from outside the model", "Export the model so that its inputs are tensors") : item;
    }

    private static ImmutableArray<Item> List(Node node, int input, InlineScope scope) => Known(node, input, scope) is SequenceItem sequence ? sequence.Items
        : throw NodeUpgrade.Refuse("it reads a sequence that the model does not make itself", "Export the model so that it passes tensors alone");

    private static int Position(Node node, int input, InlineScope scope, int length, int last)
    {
        if (node.TryInput(input) is null)
            return last;
        var value = scope.Tensor(node, input);
        var position = InlineScope.Number(value) ?? throw UnfoldedInputs.Refuse("the position in its sequence", value);
        var counted = position < 0 ? position + length : position;
        return counted >= 0 && counted <= last ? (int)counted
            : throw new GraphException($"{node.Title} asks for place {position} of a sequence of {length}.");
    }

    private static void Insert(Node node, InlineScope scope)
    {
        var items = List(node, 0, scope);
        if (items.Length >= MaxItems)
            throw NodeUpgrade.Refuse($"its sequence has more than {MaxItems} items", "Export the model so that it passes tensors alone");
        scope.Set(node.Outputs[0], new SequenceItem(items.Insert(Position(node, 2, scope, items.Length, items.Length), scope.Get(node.Input(1)))));
    }

    private static void Erase(Node node, InlineScope scope)
    {
        var items = List(node, 0, scope);
        scope.Set(node.Outputs[0], new SequenceItem(items.RemoveAt(Position(node, 1, scope, items.Length, items.Length - 1))));
    }

    // One length for every part (the last may be shorter), a list of lengths, or none: parts of 1, which lose the axis unless it is kept.
    private static void Split(Node node, InlineScope scope)
    {
        var x = scope.Tensor(node, 0);
        if (x.Shape is not { } shape)
            throw NodeUpgrade.Refuse("the number of axes of what it splits is not known", "Fix the shapes of the inputs with --shape");
        var axis = shape.Axis(node.Attributes.Int("axis"));
        long[] lengths;
        var given = scope.TryTensor(node, 1);
        if (given is { Rank: 1 })
        {
            lengths = GraphBuilder.TryEvaluate(given)?.ToInt64() ?? throw UnfoldedInputs.Refuse("the list of its parts", given);
        }
        else
        {
            if (shape[axis].Value is not { } extent)
                throw UnfoldedInputs.Refuse("the number of its parts", scope.B.ShapeOf(x));
            var step = given is null ? 1 : InlineScope.Number(given) ?? throw UnfoldedInputs.Refuse("the length of its parts", given);
            if (step < 1 || extent / step > MaxItems)
                throw new GraphException($"{node.Title} splits an extent of {extent} into parts of {step}.");
            lengths = [.. Enumerable.Range(0, (int)((extent + step - 1) / step)).Select(i => Math.Min(step, extent - i * step))];
        }
        if (given is null && !node.Attributes.Flag("keepdims", true))
            scope.Set(node.Outputs[0], new SequenceItem([.. scope.Slices(x, axis, lengths.Length).Select(v => new TensorItem(v))]));
        else if (lengths.Length == 1)
            scope.Set(node.Outputs[0], new SequenceItem([new TensorItem(x)]));
        else
            scope.Set(node.Outputs[0], new SequenceItem([.. scope.B.Emit("Split", [x, scope.B.Ints(lengths)], Attributes.None.With("axis", axis), lengths.Length, nodeName: node.Name).Select(v => new TensorItem(v))]));
    }

    private static void Concat(Node node, InlineScope scope)
    {
        Value[] parts = [.. List(node, 0, scope).Select(InlineScope.Tensor)];
        if (parts.Length == 0)
            throw new GraphException($"{node.Title} joins an empty sequence.");
        var axis = node.Attributes.Int("axis");
        var output = node.Outputs[0]!;
        if (node.Attributes.Flag("new_axis"))
            scope.Set(output, new TensorItem(scope.Stack(parts, axis < 0 ? axis + parts[0].Rank + 1 : axis, output.Name, node.Name)));
        else
            scope.Set(output, new TensorItem(scope.Emit(node, 0, "Concat", parts, Attributes.None.With("axis", axis))));
    }

    // The body takes an item of each sequence, and each tensor as it is.
    private static void Map(Node node, InlineScope scope)
    {
        var body = InlineScope.Body(node, "body", node.Inputs.Length, node.Outputs.Length);
        var first = List(node, 0, scope);
        Item[] inputs = [.. node.Inputs.Select((_, i) => Known(node, i, scope))];
        var budget = new UnrollBudget(scope.Context);
        List<Item>[] results = [.. node.Outputs.Select(_ => new List<Item>())];
        for (var i = 0; i < first.Length; i++)
        {
            budget.Take(body);
            for (var k = 0; k < inputs.Length; k++)
                scope.Set(body.Inputs[k], inputs[k] is not SequenceItem sequence ? inputs[k]
                    : i < sequence.Items.Length ? sequence.Items[i] : throw new GraphException($"{node.Title} maps sequences of different lengths."));
            if (!scope.Walk(body))
            {
                scope.Placeholders(node);
                return;
            }
            for (var o = 0; o < results.Length; o++)
                results[o].Add(scope.Get(body.Outputs[o]));
        }
        for (var o = 0; o < results.Length; o++)
            scope.Set(node.Outputs[o], new SequenceItem([.. results[o]]));
    }
}
