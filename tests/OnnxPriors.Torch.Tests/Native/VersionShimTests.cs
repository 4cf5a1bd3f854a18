using OnnxPriors.Torch.Native;

namespace OnnxPriors.Torch.Tests.Native;

[TestClass]
public sealed class VersionShimTests
{
    private static byte[] Library => File.ReadAllBytes(TorchNative.Find("libLibTorchSharp.so")!);

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void Only_the_weak_flag_of_the_one_version_changes()
    {
        byte[] original = Library;
        byte[] copy = VersionShim.Weaken(original)!;

        Assert.HasCount(original.Length, copy);
        var entry = ElfImage.TryRead(original)!.NeededVersions().Single(v => v.Version == VersionShim.Version);
        int[] changed = [.. Enumerable.Range(0, copy.Length).Where(i => copy[i] != original[i])];
        Assert.AreSequenceEqual(new[] { entry.FlagsOffset }, changed);
        Assert.AreEqual(original[entry.FlagsOffset] | 2, copy[entry.FlagsOffset]);
        var after = ElfImage.TryRead(copy)!.NeededVersions();
        Assert.AreEqual((ushort)2, after.Single(v => v.Version == VersionShim.Version).Flags);
        Assert.IsTrue(after.Where(v => v.Version != VersionShim.Version).All(v => v.Flags == 0));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void The_library_names_the_versions_its_linker_would_check()
    {
        var needed = ElfImage.TryRead(Library)!.NeededVersions();

        Assert.Contains("libc.so.6", needed.Select(v => v.Library));
        Assert.IsTrue(needed.Where(v => v.Version.StartsWith("GLIBCXX_", StringComparison.Ordinal)).All(v => v.Library == "libstdc++.so.6"));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void The_version_is_named_but_used_nowhere_while_older_ones_are_used()
    {
        var image = ElfImage.TryRead(Library)!;
        var needed = image.NeededVersions();

        Assert.IsFalse(image.UsesVersion(needed.Single(v => v.Version == VersionShim.Version).Index));
        Assert.IsTrue(image.UsesVersion(needed.Single(v => v.Version == "GLIBCXX_3.4.21").Index));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void A_copy_already_weak_is_left_alone() => Assert.IsNull(VersionShim.Weaken(VersionShim.Weaken(Library)!));

    [TestMethod]
    public void A_file_that_is_no_library_is_left_alone() => Assert.IsNull(VersionShim.Weaken("not an ELF file"u8.ToArray()));

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void A_library_cut_short_is_an_error_not_a_guess() =>
        Assert.ThrowsExactly<InvalidDataException>(() => VersionShim.Weaken(Library.AsMemory(0, 100_000)));
}
