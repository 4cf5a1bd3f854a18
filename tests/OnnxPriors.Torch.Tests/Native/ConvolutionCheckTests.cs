using OnnxPriors.Torch.Native;

namespace OnnxPriors.Torch.Tests.Native;

[TestClass]
public sealed class ConvolutionCheckTests
{
    [TestMethod]
    public void Convolutions_are_exact_on_small_integers_once_the_processor_is_checked()
    {
        // On a sound processor the check changes nothing; where oneDNN is wrong it must have been put aside by now.
        ConvolutionCheck.Ensure();
        for (var repetition = 0; repetition < 3; repetition++)
            Assert.IsTrue(ConvolutionCheck.AreRight(), $"repetition {repetition}");
    }
}
