using System.Collections.Immutable;

namespace OnnxPriors.Graphs;

/// <summary>Where a value comes from.</summary>
public enum ValueKind
{
    /// <summary>Given from outside at each run.</summary>
    Input,

    /// <summary>A float tensor of the file, which may train: never folded into anything.</summary>
    Parameter,

    /// <summary>A literal: shape arithmetic, indices, what folding left.</summary>
    Constant,

    /// <summary>An output of a node.</summary>
    Computed,
}

/// <summary>
/// An edge of a graph: one tensor with its type and, as far as known, its shape. Arithmetic on values made by a
/// <see cref="GraphBuilder"/> adds nodes to that builder, so that a derivative reads like mathematics: <c>dy * (1 - y * y)</c>.
/// </summary>
public sealed class Value
{
    internal Value(string name, ValueKind kind, ElementType type, Shape? shape, TensorData? data = null, GraphBuilder? builder = null)
    {
        Name = name;
        Kind = kind;
        Type = type;
        Shape = shape;
        Data = data;
        Builder = builder;
    }

    /// <summary>The name, unique in its graph.</summary>
    public string Name { get; internal set; }

    /// <summary>Where the value comes from.</summary>
    public ValueKind Kind { get; }

    /// <summary>The element type.</summary>
    public ElementType Type { get; }

    /// <summary>The shape, or null where not even the rank is known.</summary>
    public Shape? Shape { get; }

    /// <summary>The contents of a parameter or constant, else null.</summary>
    public TensorData? Data { get; }

    /// <summary>The node that computes it, or null for inputs, parameters and constants.</summary>
    public Node? Producer { get; internal set; }

    /// <summary>
    /// The elements of an integer scalar or vector as expressions in named sizes, where known: shape arithmetic. Default where not.
    /// </summary>
    public ImmutableArray<Dimension> Contents { get; internal set; }

    /// <summary>
    /// Whether the file gives a parameter in a Constant node: exporters write plain numbers so, some converters their weights.
    /// </summary>
    public bool IsLiteral { get; init; }

    /// <summary>What <see cref="NotTensor"/> says of a list of tensors; <see cref="Type"/> is then that of the items.</summary>
    internal const string Sequence = "a sequence";

    /// <summary>What <see cref="NotTensor"/> says of strings.</summary>
    internal const string Text = "text";

    /// <summary>What an input of a graph as read is where it is no tensor, such as 'a sequence'; null for a tensor.</summary>
    internal string? NotTensor { get; init; }

    internal GraphBuilder? Builder { get; }

    /// <summary>Whether constant folding has looked at this value, and what it found.</summary>
    internal bool IsEvaluated { get; set; }

    internal TensorData? Evaluated { get; set; }

    /// <summary>The number of axes.</summary>
    /// <exception cref="GraphException">The rank is unknown.</exception>
    public int Rank => Shape?.Rank ?? throw new GraphException($"The number of axes of tensor '{Name}' is not known, and is needed here; give the model's inputs fixed shapes.");

    private GraphBuilder B => Builder ?? throw new InvalidOperationException($"Value '{Name}' was read from a file; only a builder's values compute.");

    /// <summary>Element-wise sum, with broadcasting.</summary>
    public static Value operator +(Value a, Value b) => a.B.Add(a, b);

    /// <summary>Element-wise difference, with broadcasting.</summary>
    public static Value operator -(Value a, Value b) => a.B.Sub(a, b);

    /// <summary>Element-wise product, with broadcasting.</summary>
    public static Value operator *(Value a, Value b) => a.B.Mul(a, b);

    /// <summary>Element-wise quotient, with broadcasting.</summary>
    public static Value operator /(Value a, Value b) => a.B.Div(a, b);

    /// <summary>Element-wise negative.</summary>
    public static Value operator -(Value a) => a.B.Neg(a);

    /// <summary>Sum with a number.</summary>
    public static Value operator +(Value a, double b) => a + a.B.Scalar(b, a.Type);

    /// <summary>Sum with a number.</summary>
    public static Value operator +(double a, Value b) => b.B.Scalar(a, b.Type) + b;

    /// <summary>Difference with a number.</summary>
    public static Value operator -(Value a, double b) => a - a.B.Scalar(b, a.Type);

    /// <summary>Difference with a number.</summary>
    public static Value operator -(double a, Value b) => b.B.Scalar(a, b.Type) - b;

    /// <summary>Product with a number.</summary>
    public static Value operator *(Value a, double b) => a * a.B.Scalar(b, a.Type);

    /// <summary>Product with a number.</summary>
    public static Value operator *(double a, Value b) => b.B.Scalar(a, b.Type) * b;

    /// <summary>Quotient with a number.</summary>
    public static Value operator /(Value a, double b) => a / a.B.Scalar(b, a.Type);

    /// <summary>Quotient with a number.</summary>
    public static Value operator /(double a, Value b) => b.B.Scalar(a, b.Type) / b;

    /// <summary>Name, type and shape.</summary>
    public override string ToString() => $"{Name}: {Type}{Shape?.ToString() ?? "[…]"}";
}
