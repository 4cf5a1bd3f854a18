using System.CommandLine;
using System.Text.Json.Serialization;

namespace OnnxPriors.Cli.Commands;

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

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PriorSampleReport))]
[JsonSerializable(typeof(PriorRescaleReport))]
internal sealed partial class PriorJson : JsonSerializerContext;
