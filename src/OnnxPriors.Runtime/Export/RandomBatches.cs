using System.Globalization;
using System.Text.Json;
using OnnxPriors.Artifacts;
using OnnxPriors.Randomness;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Export;

/// <summary>Batches of standard normal numbers in a model's input shape, of 1, 2 and 3 examples, to compare two models where no data is at hand.</summary>
internal sealed class RandomBatches(Manifest manifest) : IBatchSource
{
    private const int UnknownSize = 64;

    public int ExampleCount => 6;

    public int BatchSize => 3;

    public string Fingerprint => "random";

    public IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation)
    {
        for (var count = 1; count <= 3; count++)
            yield return new Batch([.. manifest.Inputs.Select((input, i) => Random(input, count, (uint)i))], new long[count]);
    }

    private BatchInput Random(ManifestInput input, int count, uint stream)
    {
        var sizes = PictureSize();
        var shape = new long[input.Shape.Count];
        for (var axis = 0; axis < shape.Length; axis++)
            shape[axis] = axis == 0 ? count
                : long.TryParse(input.Shape[axis], NumberStyles.None, CultureInfo.InvariantCulture, out var known) ? known
                : axis >= 2 && axis - 2 < sizes.Length ? sizes[axis - 2]
                : UnknownSize;
        var numbers = new float[checked((int)shape.Aggregate(1L, (product, size) => product * size))];
        Philox.FillNormal(numbers, seed: 0, step: (ulong)count, stream);
        return input.Type switch
        {
            "float" => BatchInput.Of(input.Name, numbers.AsMemory(), shape),
            "double" => BatchInput.Of(input.Name, Array.ConvertAll(numbers, number => (double)number).AsMemory(), shape),
            "int64" => BatchInput.Of(input.Name, Array.ConvertAll(numbers, number => number > 0 ? 1L : 0).AsMemory(), shape),
            "int32" => BatchInput.Of(input.Name, Array.ConvertAll(numbers, number => number > 0 ? 1 : 0).AsMemory(), shape),
            "bool" => BatchInput.Of(input.Name, Array.ConvertAll(numbers, number => number > 0).AsMemory(), shape),
            _ => throw new ExportException($"The model's input '{input.Name}' of type {input.Type} cannot be made up; give data to check the export on."),
        };
    }

    private long[] PictureSize()
    {
        try
        {
            using var preprocessing = JsonDocument.Parse(manifest.Preprocessing.GetValueOrDefault("onnxpriors.preprocess", "{}"));
            return preprocessing.RootElement.TryGetProperty("size", out var size) ? [.. size.EnumerateArray().Select(number => number.GetInt64())] : [];
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            return [];
        }
    }
}
