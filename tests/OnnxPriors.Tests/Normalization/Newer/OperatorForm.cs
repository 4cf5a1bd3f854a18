using System.Globalization;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;
using Extents = OnnxPriors.Graphs.Shape;

namespace OnnxPriors.Tests.Normalization.Newer;

/// <summary>
/// One operator in one form, as a file of some opset has it. The inputs are written like <c>q:2x3x4 n=3,5 m:b4x4 k:i2x3</c>: floats drawn
/// around 0, given integers, conditions (<c>b</c>), float16 (<c>h</c>), float64 (<c>d</c>) or small integers (<c>i</c> int64, <c>j</c>
/// int32, <c>u</c> uint8, <c>s</c> int8); <c>_</c> leaves one out and <c>=name:…</c> stands in the file as an initializer.
/// </summary>
/// <param name="Name">What the form is.</param>
/// <param name="Opset">The opset of the file.</param>
/// <param name="Op">The operator, after its domain and a dot where that is not the standard one.</param>
/// <param name="Inputs">Its inputs.</param>
/// <param name="Attributes">Its attributes.</param>
internal sealed record OperatorForm(string Name, long Opset, string Op, string Inputs, params (string Name, object Value)[] Attributes)
{
    /// <summary>The outputs of the node; <c>_</c> leaves one out.</summary>
    public string Outputs { get; init; } = "y";

    /// <summary>Inputs whose contents matter, by name.</summary>
    public Dictionary<string, TensorData> Given { get; init; } = [];

    /// <summary>What the specification's formula gives, in float64, where the runtime does not know the operator.</summary>
    public Func<IReadOnlyDictionary<string, TensorData>, double[]>? Formula { get; init; }

    /// <summary>How far apart float32 results may be, relative to the largest; a few operations in another order by default.</summary>
    public double Tolerance { get; init; } = 1e-5;

    /// <summary>Whether the floats are positive, as scales and divisors are.</summary>
    public bool IsPositive { get; init; }

    /// <summary>The shape of the output whose formula is given; that of the first input by default.</summary>
    public long[]? Shape { get; init; }

    public (Model Model, Dictionary<string, TensorData> Inputs) Build()
    {
        var raw = new RawModel(Opset);
        var given = new Dictionary<string, TensorData>();
        var names = new List<string>();
        var seed = 1;
        foreach (var word in Inputs.Split(' '))
        {
            if (word == "_")
            {
                names.Add("_");
                continue;
            }
            var isInitializer = word[0] == '=';
            var parts = word.TrimStart('=').Split(':');
            var name = parts[0].Split('=')[0];
            var data = Given.TryGetValue(name, out var known) ? known
                : parts[0].Contains('=', StringComparison.Ordinal) ? TensorData.Vector(Numbers(parts[0].Split('=')[1], ','))
                : Draw(parts[1], seed++);
            names.Add(name);
            if (isInitializer)
                raw.Initializer(name, data);
            else
            {
                raw.Input(name, data.Type, [.. data.Dimensions.Select(d => (Dimension)d)]);
                given[name] = data;
            }
        }
        var dot = Op.LastIndexOf('.');
        var attributes = Attributes.Aggregate(OnnxPriors.Graphs.Attributes.None, (all, a) => all.With(a.Name, a.Value));
        raw.Node(Op[(dot + 1)..], string.Join(' ', names), Outputs, attributes, domain: dot < 0 ? "" : Op[..dot]);
        var model = raw.ToModel([.. Outputs.Split(' ').Where(o => o != "_")]);
        return (dot < 0 ? model : model with { Opsets = model.Opsets.Add(Op[..dot], 1) }, given);
    }

    /// <summary>What the outputs are to be: those of the runtime on the file as it is, or the formula's.</summary>
    public IReadOnlyDictionary<string, TensorData> Expected(Model model, IReadOnlyDictionary<string, TensorData> inputs)
    {
        if (Formula is null)
            return OnnxRuntime.Run(model, inputs);
        var values = Formula(inputs);
        return new Dictionary<string, TensorData> { ["y"] = TensorData.Of(values, [.. Shape ?? [.. inputs.First().Value.Dimensions]]) };
    }

    public override string ToString() => $"{Op}: {Name}";

    private TensorData Draw(string text, int seed)
    {
        var kind = char.IsLetter(text[0]) ? text[0] : 'f';
        var shape = Numbers(text.TrimStart(kind), 'x');
        var floats = OnnxRuntime.Normal(Extents.Of(shape), 100 + seed).ToDouble();
        if (IsPositive)
            floats = Array.ConvertAll(floats, v => Math.Abs(v) + 0.1);
        var all = TensorData.Of(floats, [.. shape]);
        return kind switch
        {
            'f' => all.ConvertTo(ElementType.Float),
            'd' => all,
            'h' => all.ConvertTo(ElementType.Float16),
            'b' => TensorData.Of(Array.ConvertAll(floats, v => v > -0.3), [.. shape]),
            'i' => Whole(ElementType.Int64),
            'j' => Whole(ElementType.Int32),
            'u' => TensorData.Of(Array.ConvertAll(floats, v => (long)Math.Clamp(128 + v * 40, 0, 255)), [.. shape]).ConvertTo(ElementType.UInt8),
            's' => TensorData.Of(Array.ConvertAll(floats, v => (long)Math.Clamp(v * 40, -128, 127)), [.. shape]).ConvertTo(ElementType.Int8),
            _ => throw new ArgumentException(text),
        };

        TensorData Whole(ElementType type) => TensorData.Of(Array.ConvertAll(floats, v => (long)Math.Abs(v * 3)), [.. shape]).ConvertTo(type);
    }

    private static long[] Numbers(string text, char separator) =>
        [.. text.Split(separator, StringSplitOptions.RemoveEmptyEntries).Select(n => long.Parse(n, CultureInfo.InvariantCulture))];
}
