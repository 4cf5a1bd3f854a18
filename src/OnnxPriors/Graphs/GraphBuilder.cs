using System.Collections.Immutable;
using OnnxPriors.Graphs.Folding;
using OnnxPriors.Graphs.Inference;

namespace OnnxPriors.Graphs;

/// <summary>
/// Builds a graph of standard operators at the canonical opset. Its methods are the operators; each returns its values with the
/// types and shapes inferred, folds constants and drops the trivial (× 1, + 0, a transpose of a transpose) as it goes.
/// </summary>
public sealed partial class GraphBuilder
{
    /// <summary>The version of the standard operators that every graph is brought to.</summary>
    public const int CanonicalOpset = 18;

    private readonly Names names;
    private readonly Names nodeNames = new();
    private readonly List<Value> inputs = [];
    private readonly List<Node> nodes = [];
    private readonly Dictionary<(ElementType, string), Value> smallConstants = [];

    /// <summary>A builder of a graph.</summary>
    public GraphBuilder() => names = new();

    private GraphBuilder(string prefix) => names = new(prefix);

    /// <summary>The prefix of all names; empty but in a graph inside a node.</summary>
    internal string Prefix { get; private init; } = "";

    /// <summary>A builder of a graph inside a node of this one; names of values in it differ from all here.</summary>
    internal GraphBuilder Nested(string name)
    {
        var prefix = $"{names.Take(name)}/";
        return new(prefix) { Prefix = prefix };
    }

    /// <summary>The inputs added so far.</summary>
    public IReadOnlyList<Value> Inputs => inputs;

    /// <summary>The nodes added so far, each after those it depends on.</summary>
    public IReadOnlyList<Node> Nodes => nodes;

    /// <summary>An input given at each run.</summary>
    /// <param name="name">Its name; one that is taken gets a number.</param>
    /// <param name="type">The element type.</param>
    /// <param name="shape">The shape, or null where the rank is unknown.</param>
    public Value Input(string name, ElementType type, Shape? shape)
    {
        var input = new Value(names.Take(name), ValueKind.Input, type, shape, builder: this);
        inputs.Add(input);
        return input;
    }

    /// <summary>A float tensor that may train. It is never folded.</summary>
    /// <param name="name">Its name; one that is taken gets a number.</param>
    /// <param name="data">Its contents.</param>
    /// <param name="isLiteral">Whether the file gives it in a Constant node.</param>
    public Value Parameter(string name, TensorData data, bool isLiteral = false)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new(names.Take(name), ValueKind.Parameter, data.Type, data.Shape, data, this) { IsLiteral = isLiteral };
    }

    /// <summary>A literal tensor. Equal small ones become one.</summary>
    /// <param name="data">Its contents.</param>
    /// <param name="name">The name wanted.</param>
    public Value Constant(TensorData data, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (data.Count > 16)
            return Make();
        var key = (data.Type, $"{string.Join(',', data.Dimensions)}:{Convert.ToHexString(data.Bytes.Span)}");
        if (!smallConstants.TryGetValue(key, out var constant))
            smallConstants.Add(key, constant = Make());
        return constant;

        Value Make()
        {
            var value = new Value(names.Take(name ?? "constant"), ValueKind.Constant, data.Type, data.Shape, data, this);
            if (data.Type.IsInteger() && data.Dimensions.Length <= 1 && data.Count <= ShapeArithmetic.MaxElements)
                value.Contents = [.. data.ToInt64().Select(v => (Dimension)v)];
            return value;
        }
    }

    /// <summary>A number as a scalar of a given type.</summary>
    /// <param name="value">The number.</param>
    /// <param name="type">The type, float32 by default.</param>
    public Value Scalar(double value, ElementType type = ElementType.Float) => Constant(TensorData.Of([value], []).ConvertTo(type));

    /// <summary>An int64 vector.</summary>
    /// <param name="values">Its elements.</param>
    public Value Ints(params ReadOnlySpan<long> values) => Constant(TensorData.Vector(values.ToArray()));

    /// <summary>
    /// Applies an operator: infers types and shapes, folds what is constant, drops what does nothing.
    /// </summary>
    /// <param name="op">The operator's name.</param>
    /// <param name="inputs">Its inputs, null where an optional one is left out.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <param name="outputs">How many outputs it has.</param>
    /// <param name="outputNames">Names wanted for the outputs; null or empty for an output that is left out.</param>
    /// <param name="nodeName">The node's name.</param>
    /// <param name="domain">The operator's domain, empty for the standard one.</param>
    /// <returns>The outputs; a left-out one is null.</returns>
    /// <exception cref="GraphException">The operator's rule finds the inputs or attributes wrong.</exception>
    public ImmutableArray<Value> Emit(
        string op,
        ReadOnlySpan<Value?> inputs,
        Attributes? attributes = null,
        int outputs = 1,
        IReadOnlyList<string?>? outputNames = null,
        string nodeName = "",
        string domain = "")
    {
        attributes ??= Attributes.None;
        foreach (var input in inputs)
            if (input is not null && input.Builder != this)
                throw new InvalidOperationException($"Value '{input.Name}' belongs to another graph than the {op} that is to read it.");
        if (domain.Length == 0 && outputs == 1 && Replaced(op, inputs, attributes) is { } same)
            return [same];

        var call = new OperatorCall(op, domain, nodeName, [.. inputs], attributes, outputs, outputNames);
        ShapeInference.Infer(call);
        Simplification.PlainTarget(this, call);
        if (ConstantFolding.TryFold(call) is { } folded)
            return [.. folded.Select((data, i) => Constant(data, call.OutputName(i)))];

        var results = ImmutableArray.CreateBuilder<Value?>(outputs);
        for (var i = 0; i < outputs; i++)
        {
            if (outputNames is not null && i < outputNames.Count && string.IsNullOrEmpty(outputNames[i]))
            {
                results.Add(null);
                continue;
            }
            var value = new Value(names.Take(call.OutputName(i)), ValueKind.Computed, call.OutputTypes[i], call.OutputShapes[i], builder: this)
            {
                Contents = call.OutputContents[i],
            };
            results.Add(value);
        }
        var all = results.MoveToImmutable();
        // ONNX Runtime refuses two nodes of one name; an empty one is none.
        nodes.Add(new Node(op, domain, nodeName.Length == 0 ? "" : nodeNames.Take(nodeName), call.Inputs, all, attributes));
        return all!;
    }

    /// <summary>An output of a node, which is added to those the node gives where it left it out.</summary>
    /// <param name="node">One of this builder's nodes.</param>
    /// <param name="output">The output's place.</param>
    internal Value Keep(Node node, int output)
    {
        if (output < node.Outputs.Length && node.Outputs[output] is { } there)
            return there;
        var call = new OperatorCall(node.Op, node.Domain, node.Name, node.Inputs, node.Attributes, output + 1, null);
        ShapeInference.Infer(call);
        var value = new Value(names.Take(node.Op), ValueKind.Computed, call.OutputTypes[output], call.OutputShapes[output], builder: this);
        Value?[] outputs = [.. node.Outputs, .. Enumerable.Repeat<Value?>(null, Math.Max(0, output + 1 - node.Outputs.Length))];
        outputs[output] = value;
        nodes[nodes.IndexOf(node)] = new Node(node.Op, node.Domain, node.Name, node.Inputs, [.. outputs], node.Attributes);
        return value;
    }

    private Value? Replaced(string op, ReadOnlySpan<Value?> inputs, Attributes attributes)
    {
        try
        {
            return Simplification.TryReplace(this, op, inputs, attributes);
        }
        catch (Exception e) when (e is ArgumentException or ArithmeticException or IndexOutOfRangeException)
        {
            throw new GraphException($"{op} cannot be right: {e.Message}", e);
        }
    }

    /// <summary>Applies an operator of one output.</summary>
    /// <param name="op">The operator's name.</param>
    /// <param name="inputs">Its inputs, null where an optional one is left out.</param>
    /// <param name="attributes">Its attributes.</param>
    public Value Apply(string op, ReadOnlySpan<Value?> inputs, Attributes? attributes = null) => Emit(op, inputs, attributes)[0];

    /// <summary>Adds a copy of a node of another graph.</summary>
    /// <param name="node">The node.</param>
    /// <param name="map">The values of this builder that stand for the other graph's; the node's outputs are added.</param>
    /// <param name="attributes">Attributes in place of the node's own.</param>
    public void Copy(Node node, IDictionary<Value, Value> map, Attributes? attributes = null)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(map);
        var mapped = new Value?[node.Inputs.Length];
        for (var i = 0; i < mapped.Length; i++)
            mapped[i] = node.Inputs[i] is { } input ? Import(input, map) : null;
        var results = Emit(node.Op, mapped, attributes ?? node.Attributes, node.Outputs.Length, [.. node.Outputs.Select(o => o?.Name)], node.Name, node.Domain);
        for (var i = 0; i < results.Length; i++)
            if (node.Outputs[i] is { } output)
                map[output] = results[i];
    }

    /// <summary>Adds a copy of a whole graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="map">What stands for its inputs and, where they are replaced, its parameters; the rest is added.</param>
    /// <returns>The values that stand for the graph's outputs.</returns>
    public ImmutableArray<Value> Inline(Graph graph, IDictionary<Value, Value> map)
    {
        ArgumentNullException.ThrowIfNull(graph);
        foreach (var node in graph.Nodes)
            Copy(node, map);
        return [.. graph.Outputs.Select(o => Import(o, map))];
    }

    /// <summary>The value of this builder for one of another graph; parameters and constants are copied when first met.</summary>
    /// <param name="value">The other graph's value.</param>
    /// <param name="map">The values known so far.</param>
    /// <exception cref="InvalidOperationException">An input or a computed value that nothing stands for yet.</exception>
    public Value Import(Value value, IDictionary<Value, Value> map)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(map);
        if (map.TryGetValue(value, out var known))
            return known;
        return map[value] = value.Kind switch
        {
            ValueKind.Parameter => Parameter(value.Name, value.Data!, value.IsLiteral),
            ValueKind.Constant => Constant(value.Data!, value.Name),
            _ => throw new InvalidOperationException($"Nothing stands for '{value.Name}'."),
        };
    }

    /// <summary>The contents of a value that follow from constants and parameters alone, computed where needed.</summary>
    /// <param name="value">The value.</param>
    /// <returns>The contents, or null where they depend on an input, are large, or the operator is not one that is folded.</returns>
    public static TensorData? TryEvaluate(Value? value) => value is null ? null : ConstantFolding.Evaluate(value);

    /// <summary>Ends the graph.</summary>
    /// <param name="outputs">The outputs with the names they are to have.</param>
    /// <param name="name">The graph's name.</param>
    /// <returns>The graph of all that the outputs depend on, and of all inputs.</returns>
    public Graph Build(IEnumerable<(string Name, Value Value)> outputs, string name = "graph")
    {
        ArgumentNullException.ThrowIfNull(outputs);
        var finished = ImmutableArray.CreateBuilder<Value>();
        foreach (var (wanted, value) in outputs)
        {
            var output = value;
            if ((value.Kind != ValueKind.Computed && value.Name != wanted) || finished.Contains(value))
            {
                // An input, a constant or a second name for one value needs a node of its own.
                output = new Value(names.Take(wanted), ValueKind.Computed, value.Type, value.Shape, builder: this) { Contents = value.Contents };
                nodes.Add(new Node("Identity", "", "", [value], [output], Attributes.None));
            }
            if (output.Name != wanted)
            {
                if (names.IsTaken(wanted))
                    MoveAside(wanted, finished);
                names.Take(wanted);
                output.Name = wanted;
            }
            finished.Add(output);
        }
        return new(name, [.. inputs], finished.ToImmutable(), Live(finished));
    }

    // An inner value that has the name wanted for an output gets another; nobody outside sees inner names.
    private void MoveAside(string name, IEnumerable<Value> finished)
    {
        var holder = nodes.SelectMany(n => n.Outputs.Concat(n.Inputs)).FirstOrDefault(v => v is not null && v.Name == name);
        if (holder is { Kind: ValueKind.Computed or ValueKind.Constant } && !finished.Contains(holder))
        {
            holder.Name = names.Take(name + "_inner");
            names.Release(name);
        }
        else if (holder is not null || inputs.Any(i => i.Name == name) || finished.Any(f => f.Name == name))
        {
            throw new GraphException($"An input, parameter or other output is called '{name}', which is to be an output's name.");
        }
        else
        {
            // Taken by what was folded or dropped.
            names.Release(name);
        }
    }

    private ImmutableArray<Node> Live(IEnumerable<Value> outputs)
    {
        var live = new HashSet<Node>();
        var pending = new Stack<Node>(outputs.Select(o => o.Producer).OfType<Node>());
        while (pending.TryPop(out var node))
            if (live.Add(node))
                foreach (var input in node.Inputs)
                    if (input?.Producer is { } producer)
                        pending.Push(producer);
        return [.. nodes.Where(live.Contains)];
    }
}
