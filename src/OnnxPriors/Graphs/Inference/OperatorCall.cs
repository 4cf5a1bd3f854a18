using System.Collections.Immutable;

namespace OnnxPriors.Graphs.Inference;

/// <summary>One application of an operator while its outputs are being worked out.</summary>
internal sealed class OperatorCall(
    string op,
    string domain,
    string nodeName,
    ImmutableArray<Value?> inputs,
    Attributes attributes,
    int outputs,
    IReadOnlyList<string?>? outputNames)
{
    public string Op => op;

    public string Domain => domain;

    public ImmutableArray<Value?> Inputs { get; set; } = inputs;

    public Attributes Attributes => attributes;

    public ElementType[] OutputTypes { get; } = new ElementType[outputs];

    public Shape?[] OutputShapes { get; } = new Shape?[outputs];

    public ImmutableArray<Dimension>[] OutputContents { get; } = new ImmutableArray<Dimension>[outputs];

    /// <summary>An input that may be absent.</summary>
    public Value? TryInput(int index) => index < Inputs.Length ? Inputs[index] : null;

    /// <summary>An input that must be there.</summary>
    public Value Input(int index) => TryInput(index) ?? throw Error($"lacks its input {index}");

    public Shape? ShapeOf(int index) => TryInput(index)?.Shape;

    /// <summary>The elements of an integer input as numbers, where they all are.</summary>
    public long[]? TryInts(int index)
    {
        if (TryInput(index) is not { } value)
            return null;
        if (!value.Contents.IsDefault)
            return value.Contents.All(d => d.IsStatic) ? [.. value.Contents.Select(d => d.Value!.Value)] : null;
        return GraphBuilder.TryEvaluate(value) is { } data && !data.Type.IsFloating() ? data.ToInt64() : null;
    }

    /// <summary>The elements of an integer input as expressions; default where unknown.</summary>
    public ImmutableArray<Dimension> Contents(int index)
    {
        if (TryInput(index) is not { } value)
            return default;
        if (!value.Contents.IsDefault)
            return value.Contents;
        return TryInts(index) is { } numbers ? [.. numbers.Select(n => (Dimension)n)] : default;
    }

    /// <summary>The contents of an input that follow from constants and parameters.</summary>
    public TensorData? TryData(int index) => GraphBuilder.TryEvaluate(TryInput(index));

    /// <summary>States an output's type and shape.</summary>
    public void Set(int output, ElementType type, Shape? shape)
    {
        if (output >= outputs)
            return;
        OutputTypes[output] = type;
        OutputShapes[output] = shape;
    }

    public int OutputCount => outputs;

    public string OutputName(int index) =>
        outputNames is not null && index < outputNames.Count && outputNames[index] is { Length: > 0 } name ? name : op;

    /// <summary>An error about this node.</summary>
    public GraphException Error(string what, Exception? inner = null)
    {
        var title = nodeName.Length > 0 ? nodeName : outputNames?.FirstOrDefault(n => !string.IsNullOrEmpty(n)) ?? "?";
        return new GraphException($"{op} node '{title}' {what}; its inputs are {string.Join(", ", Inputs.Select(i => i?.ToString() ?? "none"))}.", inner);
    }
}
