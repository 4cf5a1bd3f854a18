using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Cli.Training;

/// <summary>Examples of the data library as the runtime's batches.</summary>
internal sealed class StreamBatches : IBatchSource
{
    private readonly BatchStream stream;

    /// <param name="view">The examples.</param>
    /// <param name="options">How to go through them.</param>
    public StreamBatches(DatasetView view, BatchOptions options)
    {
        stream = new BatchStream(view, options);
        BatchSize = options.BatchSize;
        Fingerprint = Hash(view, options);
    }

    /// <inheritdoc/>
    public int ExampleCount => stream.View.Count;

    /// <inheritdoc/>
    public int BatchSize { get; }

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <inheritdoc/>
    public IEnumerable<Runtime.Steps.Batch> Read(int epoch, int firstBatch, CancellationToken cancellation)
    {
        foreach (var batch in stream.Read(epoch, firstBatch, cancellation))
            using (batch)
                yield return new Runtime.Steps.Batch([BatchInput.Of(null, batch.Inputs, [.. batch.Shape])], batch.Labels);
    }

    // Names, labels and the file's length stand for the pictures: reading them all only to tell them apart would cost an epoch.
    private static string Hash(DatasetView view, BatchOptions options)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var length = File.Exists(view.Source.Name) ? new FileInfo(view.Source.Name).Length : 0;
        Add(string.Create(CultureInfo.InvariantCulture, $"{length} {view.Count} {options.Shuffle} {options.Seed}"));
        Add(options.Preprocessing?.ToJson() ?? "");
        Add(options.Augmentation.ToString());
        for (var i = 0; i < view.Count; i++)
            Add(string.Create(CultureInfo.InvariantCulture, $"{view.Source.NameOf(view.Indices[i])}\t{view.Labels[i]}"));
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Add(string line) => hash.AppendData(Encoding.UTF8.GetBytes(line + "\n"));
    }
}
