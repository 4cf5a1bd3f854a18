namespace OnnxPriors.Testing;

/// <summary>Finds the folder of real models and data that lies beside the checkout on the project's own machines.</summary>
internal static class SharedFiles
{
    /// <summary>The folder's full path, or null where there is none.</summary>
    public static string? Root { get; } = Find();

    /// <summary>The full path of a file in that folder.</summary>
    /// <param name="relative">The path inside the folder, with forward slashes.</param>
    public static string Path(string relative) =>
        System.IO.Path.Combine(Root ?? throw new InvalidOperationException("There is no shared folder; the test lacks [RequiresShared]."), relative);

    /// <summary>The checkout's own root: the folder that holds OnnxPriors.sln.</summary>
    public static string Checkout { get; } = FindCheckout();

    private static string FindCheckout()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "OnnxPriors.sln")))
                return folder.FullName;
        throw new InvalidOperationException("The tests run outside a checkout: no folder above holds OnnxPriors.sln.");
    }

    private static string? Find()
    {
        var shared = System.IO.Path.GetFullPath(System.IO.Path.Combine(FindCheckout(), "..", "shared"));
        return Directory.Exists(System.IO.Path.Combine(shared, "models")) ? shared : null;
    }
}

/// <summary>Skips a test, with the reason, where the real models and data are absent.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
internal sealed class RequiresSharedAttribute : ConditionBaseAttribute
{
    public RequiresSharedAttribute() : base(ConditionMode.Include) =>
        IgnoreMessage = "The real models and data of '../shared' are not on this machine.";

    public override string GroupName => "RequiresShared";

    public override bool IsConditionMet => SharedFiles.Root is not null;
}
