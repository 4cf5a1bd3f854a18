using OnnxPriors.Graphs;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Onnx;

/// <summary>Sparse tensors of a file as the dense ones they stand for (ONNX IR specification, <c>SparseTensorProto</c>).</summary>
internal static class SparseTensors
{
    // A few bytes can stand for a tensor of any size: what is read may be this much larger than what is there.
    private const long MinBytes = 64 << 20;
    private const long MaxGrowth = 1024;

    /// <summary>Reads a sparse tensor: the values that are not zero, and where each lies, by one number [NNZ] or one a axis [NNZ, rank].</summary>
    /// <exception cref="ModelFormatException">Values, places and shape contradict each other, or the tensor is too large for what is stored.</exception>
    public static TensorData Read(SparseTensorProto sparse, TensorReader tensors, string model, string name)
    {
        if (sparse.Values is null)
            throw Error("lacks its values");
        var values = tensors.Read(sparse.Values, name);
        var places = tensors.Read(sparse.Indices ?? throw Error("lacks its places"), name);
        if (places.Type != ElementType.Int64)
            throw Error($"has places of type {places.Type} where they are Int64");
        var count = tensors.Count(sparse.Dims, name);
        var size = values.Type.Size();
        if (count * size > Math.Max(MinBytes, MaxGrowth * values.Bytes.Length) || count > int.MaxValue / size)
            throw Error($"has {values.Count} values for {count} elements, too few for a tensor of that size; save the model with dense tensors");
        var rank = sparse.Dims.Count;
        var indices = places.Span<long>();
        var perPlace = places.Dimensions.Length == 2 ? rank : 1;
        if (places.Count != values.Count * perPlace)
            throw Error($"has {places.Count} numbers for the places of {values.Count} values");
        var dense = new byte[count * size];
        for (var i = 0; i < values.Count; i++)
        {
            long place = 0;
            for (var axis = 0; axis < perPlace; axis++)
            {
                var index = indices[i * perPlace + axis];
                var extent = places.Dimensions.Length == 2 ? sparse.Dims[axis] : count;
                if (index < 0 || index >= extent)
                    throw Error($"has a value at {index} of an axis of {extent}");
                place = perPlace == 1 ? index : place * extent + index;
            }
            values.Bytes.Span.Slice(i * size, size).CopyTo(dense.AsSpan((int)place * size));
        }
        return new TensorData(values.Type, [.. sparse.Dims], dense);

        ModelFormatException Error(string what) => new($"In '{model}' the sparse tensor '{name}' {what}.");
    }
}
