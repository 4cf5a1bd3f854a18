using System.Globalization;
using OnnxPriors.Priors;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Fitting;

/// <summary>
/// Where a fit keeps its state, so that one that was killed goes on to the same bits: a safetensors file of every parameter's path,
/// momentum, moments and kept deviations. It is written whole or not at all.
/// </summary>
/// <param name="Path">The file. Where it exists the fit goes on from it.</param>
/// <param name="EverySteps">How many steps lie between two writings, 1 or more. A cancelled fit writes once more.</param>
/// <param name="Fingerprint">What the fit is: its data, model and settings. A file of another fit is refused.</param>
public sealed record FitCheckpoint(string Path, int EverySteps, string Fingerprint)
{
    private const string Format = "onnxpriors-fit";

    /// <summary>Where a fit stands.</summary>
    /// <param name="Step">Steps done.</param>
    /// <param name="Epoch">The pass over the data that the next batch belongs to.</param>
    /// <param name="Batch">The next batch of it.</param>
    internal sealed record Place(int Step, int Epoch, int Batch);

    /// <summary>Writes the state.</summary>
    /// <exception cref="IOException">The file cannot be made, or the disk is full.</exception>
    internal void Write(Place place, int samples, IReadOnlyList<(string Name, Tensor Values)> state)
    {
        var metadata = new Dictionary<string, string>
        {
            ["format"] = Format,
            ["fingerprint"] = Fingerprint,
            ["step"] = Text(place.Step),
            ["epoch"] = Text(place.Epoch),
            ["batch"] = Text(place.Batch),
            ["samples"] = Text(samples),
        };
        using var writer = SafetensorsWriter.Create(Path, metadata, [.. state.Select(entry => new TensorShape(entry.Name, [.. entry.Values.shape]))]);
        foreach (var (_, values) in state)
        {
            using var host = values.detach().to(ScalarType.Float32).cpu().contiguous();
            if (host.numel() > 0)
                writer.Write(host.data<float>().ToArray());
        }
        writer.Commit();
    }

    /// <summary>Reads the state into the tensors; null where there is no file.</summary>
    /// <exception cref="FitException">The file is another fit's.</exception>
    /// <exception cref="InvalidPriorException">The file is damaged.</exception>
    internal (Place Place, int Samples)? Read(IReadOnlyList<(string Name, Tensor Values)> state)
    {
        if (!File.Exists(Path))
            return null;
        using var reader = SafetensorsReader.Open(Path);
        if (reader.Metadata.GetValueOrDefault("format") != Format)
            throw new FitException($"'{Path}' is no checkpoint of a fit. Give another --checkpoint.");
        if (reader.Metadata.GetValueOrDefault("fingerprint") != Fingerprint || reader.Entries.Length != state.Count)
            throw new FitException($"'{Path}' is the checkpoint of another fit: its model, its data or its settings are not these. Give what that fit was given, or another --checkpoint.");
        foreach (var (name, values) in state)
        {
            var entry = reader.Find(name);
            if (entry is null || !entry.Shape.AsSpan().SequenceEqual(values.shape))
                throw new FitException($"'{Path}' is the checkpoint of another fit: it lacks '{name}' [{string.Join(", ", values.shape)}]. Give another --checkpoint.");
            if (entry.Count == 0)
                continue;
            var read = new float[entry.Count];
            reader.Read(entry, 0, read);
            using var given = tensor(read, values.shape, dtype: values.dtype, device: values.device);
            values.copy_(given);
        }
        return (new Place(Number("step"), Number("epoch"), Number("batch")), Number("samples"));

        int Number(string key) => int.TryParse(reader.Metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FitException($"'{Path}' is a damaged checkpoint: it does not say its {key}. Delete it, and the fit starts over.");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
