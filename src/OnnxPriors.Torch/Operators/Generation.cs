using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Operators that make tensors: constants, ranges, noise. Noise comes from libtorch's global generator.</summary>
internal static class Generation
{
    public static OperatorTable Table { get; } = new()
    {
        { "Constant", Constant },
        { "ConstantOfShape", ConstantOfShape },
        { "Range", Range },
        { "EyeLike", EyeLike },
        { "RandomNormal", c => Normal(c, c.Attributes.Ints("shape")!, Kind(c, ScalarType.Float32)) },
        { "RandomNormalLike", c => Normal(c, c[0].shape, Kind(c, c[0].dtype)) },
        { "RandomUniform", c => Uniform(c, c.Attributes.Ints("shape")!, Kind(c, ScalarType.Float32)) },
        { "RandomUniformLike", c => Uniform(c, c[0].shape, Kind(c, c[0].dtype)) },
        { "Bernoulli", c => (rand_like(c[0]) < c[0]).to(Kind(c, c[0].dtype)) },
        { "Multinomial", c => multinomial(c[0].softmax(1), c.Attributes.Int("sample_size", 1), replacement: true).to(c.Engine.TypeOf((ElementType)c.Attributes.Int("dtype", (long)ElementType.Int32))) },
        { "Dropout", Dropout },
    };

    private static ScalarType Kind(Call call, ScalarType otherwise) =>
        call.Attributes.Has("dtype") ? call.Engine.TypeOf((ElementType)call.Attributes.Int("dtype"))
        : otherwise == ScalarType.Float32 ? call.Engine.FloatType
        : otherwise;

    private static Tensor Constant(Call call)
    {
        var a = call.Attributes;
        if (a.Tensor("value") is { } data) return call.Engine.Tensor(data);
        if (a.Has("value_float")) return tensor(a.Float("value_float"), call.Engine.FloatType, call.Engine.Device);
        if (a.Floats("value_floats") is { } floats) return tensor(floats, call.Engine.FloatType, call.Engine.Device);
        if (a.Has("value_int")) return tensor(a.Int("value_int"), ScalarType.Int64, call.Engine.Device);
        if (a.Ints("value_ints") is { } ints) return call.Indices(ints);
        throw call.Unsupported("constants of this kind");
    }

    private static Tensor ConstantOfShape(Call call)
    {
        long[] shape = call.Integers(0);
        return call.Attributes.Tensor("value") is { } value
            ? call.Engine.Tensor(value).reshape(1).expand(shape).clone()
            : zeros(shape, call.Engine.FloatType, call.Engine.Device);
    }

    private static Tensor Range(Call call)
    {
        var kind = call[0].dtype;
        if (!call[0].is_floating_point())
            return arange(call.Integer(0), call.Integer(1), call.Integer(2), kind, call.Engine.Device);
        double start = call.Reals(0)[0], limit = call.Reals(1)[0], step = call.Reals(2)[0];
        long count = Math.Max(0, (long)Math.Ceiling((limit - start) / step));
        return (start + arange(count, ScalarType.Float64, call.Engine.Device) * step).to(kind);
    }

    private static Tensor EyeLike(Call call)
    {
        long[] shape = call[0].shape;
        var rows = arange(shape[0], ScalarType.Int64, call.Engine.Device).unsqueeze(1);
        var columns = arange(shape[1], ScalarType.Int64, call.Engine.Device).unsqueeze(0);
        return (columns - rows == call.Attributes.Int("k")).to(Kind(call, call[0].dtype));
    }

    private static Tensor Normal(Call call, long[] shape, ScalarType kind) =>
        randn(shape, kind, call.Engine.Device) * call.Attributes.Float("scale", 1f) + call.Attributes.Float("mean");

    private static Tensor Uniform(Call call, long[] shape, ScalarType kind)
    {
        double low = call.Attributes.Float("low"), high = call.Attributes.Float("high", 1f);
        return rand(shape, kind, call.Engine.Device) * (high - low) + low;
    }

    // In inference form, the only one that a canonical graph of a pretrained model holds, nothing is dropped.
    private static Tensor?[] Dropout(Call call)
    {
        var x = call[0];
        double ratio = call.Has(1) ? call.Reals(1)[0] : 0.5;
        bool training = call.Has(2) && call[2].item<bool>();
        if (!training || ratio == 0) return [x, ones_like(x, ScalarType.Bool)];
        var kept = rand_like(x) >= ratio;
        return [x * kept / (1 - ratio), kept];
    }
}
