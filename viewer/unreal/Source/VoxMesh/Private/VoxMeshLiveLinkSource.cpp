#include "VoxMeshLiveLinkSource.h"

#include "HAL/PlatformTime.h"
#include "ILiveLinkClient.h"
#include "Roles/LiveLinkBasicRole.h"
#include "Roles/LiveLinkBasicTypes.h"

static const FName SubjectName(TEXT("voxmesh"));

FVoxMeshLiveLinkSource::FVoxMeshLiveLinkSource(const FString& InEndpoint)
    : Endpoint(InEndpoint), Receiver(MakeUnique<voxmesh::Receiver>(TCHAR_TO_UTF8(*InEndpoint)))
{
}

void FVoxMeshLiveLinkSource::ReceiveClient(ILiveLinkClient* InClient, FGuid InSourceGuid)
{
    Client = InClient;
    Guid = InSourceGuid;
}

void FVoxMeshLiveLinkSource::Update()
{
    if (!Client || !Receiver)
    {
        return;
    }
    if (const auto Topology = Receiver->TakeTopology())
    {
        FLiveLinkStaticDataStruct Static(FLiveLinkBaseStaticData::StaticStruct());
        for (const std::string& Name : Topology->BlendshapeNames)
        {
            // As Live Link Face names them: JawOpen.
            FString Curve(UTF8_TO_TCHAR(Name.c_str()));
            Static.Cast<FLiveLinkBaseStaticData>()->PropertyNames.Add(FName(*(Curve.Left(1).ToUpper() + Curve.Mid(1))));
        }
        Curves = static_cast<int32>(Topology->BlendshapeNames.size());
        Client->PushSubjectStaticData_AnyThread({Guid, SubjectName}, ULiveLinkBasicRole::StaticClass(), MoveTemp(Static));
    }
    if (Receiver->TakeFrame(Frame) && Curves > 0 && Frame.Weights.size() == static_cast<size_t>(Curves))
    {
        FLiveLinkFrameDataStruct Data(FLiveLinkBaseFrameData::StaticStruct());
        FLiveLinkBaseFrameData& Base = *Data.Cast<FLiveLinkBaseFrameData>();
        Base.WorldTime = FLiveLinkWorldTime(FPlatformTime::Seconds());
        Base.PropertyValues.Append(Frame.Weights.data(), Curves);
        Client->PushSubjectFrameData_AnyThread({Guid, SubjectName}, MoveTemp(Data));
    }
}

bool FVoxMeshLiveLinkSource::RequestSourceShutdown()
{
    Receiver.Reset();
    return true;
}

FText FVoxMeshLiveLinkSource::GetSourceType() const
{
    return FText::FromString(TEXT("voxmesh"));
}

FText FVoxMeshLiveLinkSource::GetSourceMachineName() const
{
    return FText::FromString(Endpoint);
}

FText FVoxMeshLiveLinkSource::GetSourceStatus() const
{
    const FString Refusal = Receiver ? FString(UTF8_TO_TCHAR(Receiver->Refusal().c_str())) : FString();
    return FText::FromString(!Refusal.IsEmpty() ? Refusal : Receiver && Receiver->Received ? TEXT("Active") : TEXT("Waiting"));
}

FText UVoxMeshLiveLinkSourceFactory::GetSourceDisplayName() const
{
    return FText::FromString(TEXT("voxmesh"));
}

FText UVoxMeshLiveLinkSourceFactory::GetSourceTooltip() const
{
    return FText::FromString(TEXT("Curves of a face that voxmesh publishes; connects to tcp://127.0.0.1:5556 unless told"));
}

TSharedPtr<ILiveLinkSource> UVoxMeshLiveLinkSourceFactory::CreateSource(const FString& ConnectionString) const
{
    return MakeShared<FVoxMeshLiveLinkSource>(ConnectionString.IsEmpty() ? TEXT("tcp://127.0.0.1:5556") : ConnectionString);
}
