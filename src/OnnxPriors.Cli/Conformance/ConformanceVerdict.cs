using System.Text.Json.Serialization;

namespace OnnxPriors.Cli.Conformance;

/// <summary>How a case came out.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ConformanceStatus>))]
internal enum ConformanceStatus
{
    /// <summary>Every output is as expected.</summary>
    [JsonStringEnumMemberName("pass")]
    Pass,

    /// <summary>An output differs, or an engine cannot run what was imported.</summary>
    [JsonStringEnumMemberName("fail")]
    Fail,

    /// <summary>The import or the engine says that it does not support the model.</summary>
    [JsonStringEnumMemberName("refused")]
    Refused,
}

/// <summary>What became of one case under one engine.</summary>
/// <param name="Case">The name of the case's folder.</param>
/// <param name="Engine">What computed after the import: <c>onnx</c> or <c>torch</c>.</param>
/// <param name="Status">How it came out.</param>
/// <param name="Reason">Why it did not pass, one line; empty where it did.</param>
internal sealed record ConformanceVerdict(string Case, string Engine, ConformanceStatus Status, string Reason);

/// <summary>The JSON of verdicts, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IReadOnlyList<ConformanceVerdict>))]
[JsonSerializable(typeof(ConformanceVerdict))]
internal sealed partial class ConformanceJson : JsonSerializerContext;
