using System.Numerics.Tensors;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OnnxPriors.Priors;

/// <summary>A posterior seen through <see cref="RescaleOptions"/>: diagonal λD + ε, the kept columns of the factor scaled. Nothing is copied.</summary>
public sealed class RescaledPosterior : IPosterior
{
    private readonly IPosterior _source;
    private readonly RescaleOptions _options;
    private readonly float _factorScale;

    /// <summary>Sees a posterior rescaled.</summary>
    /// <exception cref="InvalidPriorException">The options are out of range, or keep a number of columns that the posterior's form cannot have.</exception>
    public RescaledPosterior(IPosterior source, RescaleOptions options)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        options.Check(source.Metadata.Rank, source.Metadata.Form);
        _source = source;
        _options = options;
        _factorScale = (float)options.FactorScale(source.Metadata.Rank, source.Metadata.Form);
        Metadata = source.Metadata with
        {
            Rank = options.KeptRank(source.Metadata.Rank),
            Hyperparameters = Note(source.Metadata.Hyperparameters, options),
        };
    }

    /// <inheritdoc/>
    public PosteriorMetadata Metadata { get; }

    /// <summary>Adds to the hyperparameters, a JSON object, what the numbers were multiplied by since the fit.</summary>
    private static string Note(string hyperparameters, RescaleOptions options)
    {
        JsonObject noted;
        try
        {
            noted = JsonNode.Parse(hyperparameters) as JsonObject ?? [];
        }
        catch (JsonException)
        {
            noted = new JsonObject { ["unreadable"] = hyperparameters };
        }
        var rescalings = noted["rescaled"] as JsonArray ?? [];
        rescalings.Add((JsonNode)new JsonObject
        {
            ["scale"] = options.Scale,
            ["epsilon"] = options.Epsilon,
            ["rank"] = options.Rank,
            ["scaling"] = options.ScalingName,
        });
        noted["rescaled"] = rescalings.DeepClone();
        return noted.ToJsonString();
    }

    /// <summary>Writes the rescaled posterior as a prior file, in pieces.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="source">The prior file.</param>
    /// <param name="options">How it is rescaled.</param>
    /// <exception cref="InvalidPriorException">The prior file is damaged, or the options are out of range.</exception>
    /// <exception cref="IOException">A file cannot be read or made, or the disk is full.</exception>
    public static void Write(string path, PosteriorReader source, RescaleOptions options)
    {
        ArgumentNullException.ThrowIfNull(source);
        var rescaled = new RescaledPosterior(source, options);
        PosteriorCheck.CheckValues(source, $"'{source.Path}'");
        PosteriorCheck.CheckValues(rescaled, $"'{source.Path}' rescaled");
        PosteriorFile.Write(path, rescaled.Metadata, rescaled, source.Buffers, source.ReadBuffer);
    }

    /// <inheritdoc/>
    public IReadOnlyList<TensorShape> Tensors => _source.Tensors;

    /// <inheritdoc/>
    public void ReadMean(int tensor, long start, Span<float> values) => _source.ReadMean(tensor, start, values);

    /// <inheritdoc/>
    public void ReadDiagonal(int tensor, long start, Span<float> values)
    {
        _source.ReadDiagonal(tensor, start, values);
        TensorPrimitives.Multiply(values, (float)_options.Scale, values);
        TensorPrimitives.Add(values, (float)_options.Epsilon, values);
    }

    /// <inheritdoc/>
    public void ReadFactor(int tensor, int column, long start, Span<float> values)
    {
        _source.ReadFactor(tensor, column, start, values);
        TensorPrimitives.Multiply(values, _factorScale, values);
    }
}
