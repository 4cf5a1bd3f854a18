using OnnxPriors.Artifacts;

namespace OnnxPriors.Tests.Artifacts;

[TestClass]
public sealed class StateLayoutTests
{
    [TestMethod]
    public void Each_tensor_starts_at_the_next_256_bytes()
    {
        var layout = StateLayout.Of([("a", [3, 5]), ("scalar", []), ("c", [64]), ("d", [65])]);
        Assert.AreSequenceEqual(new long[] { 0, 64, 128, 192 }, layout.Entries.Select(e => e.Offset).ToArray());
        Assert.AreSequenceEqual(new long[] { 15, 1, 64, 65 }, layout.Entries.Select(e => e.Count).ToArray());
        Assert.AreEqual(320, layout.Length);
        Assert.AreEqual(145, layout.ElementCount);
        Assert.AreEqual(64, layout["scalar"].Offset);
    }

    [TestMethod]
    public void A_layout_that_overlaps_or_is_not_aligned_is_refused()
    {
        static void Refused(long length, params StateEntry[] entries) =>
            Assert.ThrowsExactly<ArtifactException>(() => new StateLayout(entries, length));

        Refused(128, new StateEntry("a", [65], 0, 65), new StateEntry("b", [1], 64, 1));
        Refused(128, new StateEntry("a", [3], 0, 3), new StateEntry("b", [1], 3, 1));
        Refused(64, new StateEntry("a", [65], 0, 65));
        Refused(64, new StateEntry("a", [1], 0, 1), new StateEntry("a", [1], 64, 1));
        Refused(64, new StateEntry("a", [2, 3], 0, 5));
        Refused(64, new StateEntry("a", [long.MaxValue, 3], 0, 5));
        Refused(64, new StateEntry("a", [-1, -6], 0, 6));
        Refused(64, new StateEntry("a", [1], -64, 1));
        Refused(65, new StateEntry("a", [1], 0, 1));
    }

    [TestMethod]
    public void A_dimension_of_zero_takes_no_place()
    {
        var layout = StateLayout.Of([("a", [0, long.MaxValue]), ("b", [2])]);
        Assert.AreEqual(0, layout["b"].Offset);
        Assert.AreEqual(64, layout.Length);
    }
}
