using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;

namespace OnnxPriors.Importing;

/// <summary>A model in the canonical form, with what it is made of.</summary>
public sealed record ImportedModel
{
    /// <summary>The model as read.</summary>
    public required Model Source { get; init; }

    /// <summary>The canonical graph. Its parameters have the names of the file's initializers, or of the outputs of its Constant nodes.</summary>
    public required Graph Graph { get; init; }

    /// <summary>What each pass did.</summary>
    public required ImmutableArray<PassReport> Passes { get; init; }

    /// <summary>Every float tensor with its role, in the order of first use.</summary>
    public required ImmutableArray<TensorRole> Tensors { get; init; }

    /// <summary>Where the feature extractor ends; null where that is not clear and was not needed.</summary>
    public FeatureSplit? Split { get; init; }

    /// <summary>Why there is no split; empty where there is one.</summary>
    public string SplitProblem { get; init; } = "";

    /// <summary>The class scores [batch, C]; null where the outputs are as the file has them.</summary>
    public Value? Logits { get; init; }

    /// <summary>The number of classes; null where the outputs are as the file has them.</summary>
    public int? Classes { get; init; }

    /// <summary>For each name of a value in the file, the value of <see cref="Graph"/> that stands for it, where one does.</summary>
    public required IReadOnlyDictionary<string, Value> Names { get; init; }

    /// <summary>The tensors that train.</summary>
    public IEnumerable<TensorRole> Trainable => Tensors.Where(t => t.Use == TensorUse.Trainable);

    /// <summary>The running statistics.</summary>
    public IEnumerable<TensorRole> Buffers => Tensors.Where(t => t.Use == TensorUse.Buffer);

    /// <summary>The feature extractor alone: what <see cref="Graph"/> computes up to <see cref="Split"/>, its one output <c>features</c> [N, F] or [N, F, …].</summary>
    /// <exception cref="ImportException">It is not clear where the features end.</exception>
    public Graph FeatureExtractor()
    {
        if (Split is not { } split)
            throw new ImportException(SplitProblem.Length > 0 ? SplitProblem : "It is not clear where the features end; name them with --features VALUE.");
        var part = new GraphPart(Graph, [split.Features]);
        return part.Builder.Build([("features", part[split.Features])]);
    }

    /// <summary>The graph as a model to save, with the file's metadata and its hash.</summary>
    public Model ToModel()
    {
        var metadata = Source.Metadata;
        if (Source.Sha256.Length > 0 && !metadata.ContainsKey(MetadataKeys.Source))
            metadata = metadata.SetItem(MetadataKeys.Source, Source.Sha256);
        // A split that was found is found again; one that was named has to be remembered.
        metadata = Split is { Layer: null, Features.Name: { } features } && Graph.Find(features) is not null
            ? metadata.SetItem(MetadataKeys.Features, features)
            : metadata.Remove(MetadataKeys.Features);
        return Model.Canonical(Graph, metadata);
    }
}

/// <summary>The keys under which a model's metadata say what this library needs to know.</summary>
public static class MetadataKeys
{
    /// <summary>Preprocessing, as JSON.</summary>
    public const string Preprocess = "onnxpriors.preprocess";

    /// <summary>The names of the classes, as a JSON array.</summary>
    public const string Classes = "onnxpriors.classes";

    /// <summary>The value that holds the features, where the user named it.</summary>
    public const string Features = "onnxpriors.features";

    /// <summary>SHA-256 of the file that a model was made from.</summary>
    public const string Source = "onnxpriors.source";
}
