using OnnxPriors.Torch.Native;

namespace OnnxPriors.Torch.Tests;

[TestClass]
public static class TorchSetup
{
    [AssemblyInitialize]
    public static void Load(TestContext _)
    {
        TorchNative.EnsureLoaded();
        ConvolutionCheck.Ensure();
    }
}
