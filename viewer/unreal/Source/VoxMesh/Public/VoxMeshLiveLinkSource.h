#pragma once

#include "CoreMinimal.h"
#include "ILiveLinkSource.h"
#include "LiveLinkSourceFactory.h"
#include "VoxMeshReceiver.h"

#include "VoxMeshLiveLinkSource.generated.h"

/** A Live Link source: one subject whose curves are the weights of a publisher (voxmesh live --send weights). */
class VOXMESH_API FVoxMeshLiveLinkSource : public ILiveLinkSource
{
public:
    explicit FVoxMeshLiveLinkSource(const FString& Endpoint);

    virtual void ReceiveClient(ILiveLinkClient* InClient, FGuid InSourceGuid) override;
    virtual void Update() override;
    virtual bool IsSourceStillValid() const override { return Receiver.IsValid(); }
    virtual bool RequestSourceShutdown() override;
    virtual FText GetSourceType() const override;
    virtual FText GetSourceMachineName() const override;
    virtual FText GetSourceStatus() const override;

private:
    FString Endpoint;
    ILiveLinkClient* Client = nullptr;
    FGuid Guid;
    int32 Curves = 0;
    TUniquePtr<voxmesh::Receiver> Receiver;
    voxmesh::Frame Frame;
};

/** Lists `voxmesh` among the sources of the Live Link window; its connection string is the publisher's address. */
UCLASS()
class VOXMESH_API UVoxMeshLiveLinkSourceFactory : public ULiveLinkSourceFactory
{
    GENERATED_BODY()

public:
    virtual FText GetSourceDisplayName() const override;
    virtual FText GetSourceTooltip() const override;
    virtual TSharedPtr<ILiveLinkSource> CreateSource(const FString& ConnectionString) const override;
};
