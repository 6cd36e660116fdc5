<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("emailUpdateConfirmationSubject")>
<p>${msg("emailUpdateConfirmationLead", realmName)}</p>
<@layout.button href=link text=msg("emailUpdateConfirmationButton")/>
<p>${msg("mailLinkLife", linkExpirationFormatter(linkExpiration))}</p>
<p>${msg("emailUpdateConfirmationStranger")}</p>
</@layout.emailLayout>
