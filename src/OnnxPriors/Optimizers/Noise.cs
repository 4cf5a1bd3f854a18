using OnnxPriors.Graphs;

namespace OnnxPriors.Optimizers;

/// <summary>
/// The samplers' noise ξ ~ N(0, I): in the file one RandomNormalLike node named <c>noise</c>, so that the file is standard and whole; a
/// host that must repeat its chain replaces that node by an input.
/// </summary>
internal static class Noise
{
    public const string Name = "noise";

    public static Value Like(GraphBuilder b, Value theta) =>
        b.Emit("RandomNormalLike", [theta], Attributes.None, outputNames: [Name], nodeName: Name)[0];
}
