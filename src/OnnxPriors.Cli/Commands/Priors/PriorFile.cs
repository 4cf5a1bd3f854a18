using System.CommandLine;
using System.Text.Json.Serialization;

namespace OnnxPriors.Cli.Commands.Priors;

/// <summary>What the verbs on prior files share.</summary>
internal static class PriorFile
{
    /// <summary>The file they read.</summary>
    public static Argument<string> Argument() => new("FILE") { Description = "The prior file that 'fit' wrote (.safetensors)." };

    /// <summary>The file they write.</summary>
    public static Option<string> Output(string what) => new("--output", "-o") { Description = what, Required = true, HelpName = "OUT" };
}

/// <summary>What <c>prior sample --json</c> prints.</summary>
/// <param name="Path">The file written.</param>
/// <param name="Draws">The number of draws.</param>
/// <param name="Tensors">The number of tensors.</param>
/// <param name="Parameters">The number of parameters.</param>
internal sealed record PriorSampleReport(string Path, int Draws, int Tensors, long Parameters);

/// <summary>What <c>prior rescale --json</c> prints.</summary>
/// <param name="Path">The file written.</param>
/// <param name="Source">The file read.</param>
/// <param name="Scale">λ.</param>
/// <param name="Epsilon">ε.</param>
/// <param name="Rank">The columns kept.</param>
/// <param name="Scaling">How λ reached the covariance.</param>
internal sealed record PriorRescaleReport(string Path, string Source, double Scale, double Epsilon, int Rank, string Scaling);

/// <summary>What <c>prior merge --json</c> prints.</summary>
/// <param name="Path">The file written.</param>
/// <param name="Parts">The files merged.</param>
/// <param name="Method">The method of their fits.</param>
/// <param name="Rank">K of the merged posterior.</param>
/// <param name="Samples">The weight vectors, or for a Laplace approximation the examples, of all parts.</param>
/// <param name="Explained">The share of the parts' factors that the merged one keeps; null without a factor.</param>
internal sealed record PriorMergeReport(string Path, int Parts, string Method, int Rank, int Samples, double? Explained);

/// <summary>What <c>prior import --json</c> and <c>prior export --json</c> print.</summary>
/// <param name="Path">The file or folder written.</param>
/// <param name="Method">The method of the fit.</param>
/// <param name="Rank">K.</param>
/// <param name="Tensors">The number of tensors.</param>
/// <param name="Parameters">The number of parameters.</param>
/// <param name="Normalisation">What the numbers of the prior file are.</param>
internal sealed record PriorConversionReport(string Path, string Method, int Rank, int Tensors, long Parameters, string Normalisation);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PriorSampleReport))]
[JsonSerializable(typeof(PriorRescaleReport))]
[JsonSerializable(typeof(PriorMergeReport))]
[JsonSerializable(typeof(PriorConversionReport))]
internal sealed partial class PriorJson : JsonSerializerContext;
