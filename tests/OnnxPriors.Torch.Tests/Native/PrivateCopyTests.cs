using OnnxPriors.Torch.Native;

namespace OnnxPriors.Torch.Tests.Native;

[TestClass]
[OSCondition(OperatingSystems.Linux)]
public sealed class PrivateCopyTests
{
    // A library of libtorch's that holds no code of its own: it loads in any number of copies.
    private const string Harmless = "libtorch_global_deps.so";

    [TestMethod]
    public void Where_memory_will_not_do_the_copy_lies_in_a_folder_and_is_used_again()
    {
        byte[] bytes = File.ReadAllBytes(TorchNative.Find(Harmless)!);
        string folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            nint first = PrivateCopy.LoadFromFolder(bytes, Harmless, folder);
            string file = Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Single();
            var written = File.GetLastWriteTimeUtc(file);
            nint second = PrivateCopy.LoadFromFolder(bytes, Harmless, folder);

            Assert.AreNotEqual(0, first);
            Assert.AreEqual(first, second);
            Assert.AreSequenceEqual(bytes, File.ReadAllBytes(file));
            Assert.AreEqual(written, File.GetLastWriteTimeUtc(file));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void A_library_from_memory_needs_no_file()
    {
        nint? handle = PrivateCopy.TryLoadFromMemory(File.ReadAllBytes(TorchNative.Find(Harmless)!), Harmless);

        Assert.IsNotNull(handle);
    }

    [TestMethod]
    public void A_folder_that_cannot_be_written_is_named()
    {
        string file = Path.GetTempFileName();
        try
        {
            var error = Assert.ThrowsExactly<TorchNativeException>(() => PrivateCopy.LoadFromFolder([1, 2, 3], "x.so", file));
            Assert.Contains(file, error.Message);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
